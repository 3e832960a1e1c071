import AuraCodec
import AuraStream
import Foundation
import Testing

/// Our encoder and decoder beside opusenc and opusdec (opus-tools).
@Suite struct OpusReferenceTests {
  private static let tools = "/usr/bin/"
  private static let areThere = ["opusenc", "opusdec"].allSatisfy {
    FileManager.default.isExecutableFile(atPath: tools + $0)
  }

  /// Four seconds: three notes a second with their overtones, each side its own, over noise.
  private var music: [Float] {
    let frames = 4 * 48_000
    var sound = noise(frames: frames, amplitude: 0.02)
    for frame in 0..<frames {
      let (note, age) = (frame / 16_000, Double(frame % 16_000) / 48_000)
      for overtone in 1...8 {
        let hertz = 110 * pow(2, Double(note * 5 % 24) / 12) * Double(overtone)
        let level = 0.2 / Double(overtone) * exp(-age * 6) * min(1, age * 500)
        sound[2 * frame] += Float(level * sin(2 * .pi * hertz * age))
        sound[2 * frame + 1] += Float(level * sin(2 * .pi * hertz * 1.003 * age))
      }
    }
    return sound
  }

  /// The mean of the ratios of sound to noise of 20 ms each, in decibels, from -10 to 35.
  private func segmentalSNR(_ heard: ArraySlice<Float>, of sent: ArraySlice<Float>) -> Double {
    var (sum, count) = (0.0, 0)
    for offset in stride(from: 0, through: min(heard.count, sent.count) - 1_920, by: 1_920) {
      var (sound, rest) = (1e-12, 1e-12)
      for index in offset..<offset + 1_920 {
        let value = Double(sent[sent.startIndex + index])
        let error = Double(heard[heard.startIndex + index]) - value
        sound += value * value
        rest += error * error
      }
      sum += min(max(10 * log10(sound / rest), -10), 35)
      count += 1
    }
    return sum / Double(count)
  }

  private func run(_ tool: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.tools + tool)
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(tool)")
  }

  @Test(.enabled(if: areThere), arguments: [OpusProfile.smooth, .stable])
  func itIsAsGoodAsTheReference(profile: OpusProfile) throws {
    let sent = music
    var encoder = try OpusEncoder(profile)
    var decoder = try OpusDecoder()
    let heard = decoder.sound(of: encoder.packets(of: sent))
    let ours = segmentalSNR(heard[(2 * encoder.lookahead)...], of: sent[...])

    let folder = FileManager.default.temporaryDirectory.appending(path: "aura-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (raw, coded, back) = (
      folder.appending(path: "sound.raw").path, folder.appending(path: "sound.opus").path,
      folder.appending(path: "sound.wav").path
    )
    var bytes = Data()
    for sample in sent {
      let value = Int32((sample * 8_388_608).rounded())
      for shift in [0, 8, 16] { bytes.append(UInt8(truncatingIfNeeded: value >> Int32(shift))) }
    }
    try bytes.write(to: URL(fileURLWithPath: raw))
    let milliseconds = "\(profile.frames / 48)"
    try run(
      "opusenc",
      [
        "--quiet", "--raw", "--raw-bits", "24", "--bitrate", "128", "--cvbr", "--comp", "10",
        "--framesize", milliseconds, raw, coded,
      ])
    try run("opusdec", ["--quiet", "--float", coded, back])
    var file = try SoundFile(path: back)
    var reference: [Float] = []
    while file.read(frames: 4_096, appendingTo: &reference) > 0 {}
    let theirs = segmentalSNR(reference[...], of: sent[...])
    #expect(ours > 10 && abs(ours - theirs) < 0.5, "\(ours) dB, opusenc \(theirs) dB")
  }
}
