import AuraCodec
import CSndFile
import Foundation
import Testing

/// A directory that is gone after the test.
private final class Scratch {
  let path = NSTemporaryDirectory() + "auralync-test-" + UUID().uuidString

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a sound file with libsndfile; nil where this libsndfile cannot.
  func write(
    _ name: String, _ format: Int32, _ samples: [Float], channels: Int, rate: Int
  ) -> String? {
    let file = path + "/" + name
    var info = SF_INFO()
    info.samplerate = Int32(rate)
    info.channels = Int32(channels)
    info.format = format
    guard let handle = unsafe sf_open(file, Int32(SFM_WRITE), &info) else { return nil }
    var done = 0
    // In pieces: libvorbis needs much stack for a large one.
    while done < samples.count {
      let count = min(4096 * channels, samples.count - done)
      unsafe samples.withUnsafeBufferPointer {
        guard let base = $0.baseAddress else { return }
        _ = unsafe sf_writef_float(handle, base + done, sf_count_t(count / channels))
      }
      done += count
    }
    _ = unsafe sf_close(handle)
    return file
  }

  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }
}

private func format(_ container: Int, _ subtype: Int) -> Int32 { Int32(container | subtype) }

private let wav16 = format(Int(SF_FORMAT_WAV), Int(SF_FORMAT_PCM_16))
private let wavFloat = format(Int(SF_FORMAT_WAV), Int(SF_FORMAT_FLOAT))
private let flac = format(Int(SF_FORMAT_FLAC), Int(SF_FORMAT_PCM_16))
private let vorbis = format(Int(SF_FORMAT_OGG), Int(SF_FORMAT_VORBIS))
private let opus = format(Int(SF_FORMAT_OGG), Int(SF_FORMAT_OPUS))

private func readAll(_ file: inout SoundFile, atOnce frames: Int = 1000) -> [Float] {
  var samples: [Float] = []
  while file.read(frames: frames, appendingTo: &samples) > 0 {}
  return samples
}

private func message(_ path: String) -> String {
  do throws(CodecError) {
    _ = try SoundFile(path: path)
    return "no error"
  } catch {
    return error.description
  }
}

@Suite struct SoundFileTests {
  @Test(arguments: [
    ("a.wav", wav16, 44_100, 80.0), ("b.wav", wavFloat, 48_000, 120.0),
    ("a.flac", flac, 44_100, 80.0), ("a.ogg", vorbis, 44_100, 20.0), ("a.opus", opus, 48_000, 20.0),
  ])
  func soundIsWhatWasWritten(name: String, format: Int32, rate: Int, quality: Double) throws {
    let scratch = try Scratch()
    let samples = tone(hertz: 1000, rate: rate, frames: rate)
    let path = try #require(
      scratch.write(name, format, samples, channels: 2, rate: rate), "libsndfile cannot write it")
    var file = try SoundFile(path: path)
    let sampleRate = file.sampleRate
    #expect(sampleRate == rate)
    let channels = file.channels
    #expect(channels == 2)
    let duration = file.duration
    #expect(duration == .seconds(1))
    let read = readAll(&file)
    #expect(read.count == samples.count)
    let damage = file.damage
    #expect(damage == nil)
    let left = channel(0, of: read, channels: 2)
    let fit = fitSine(left[rate / 4..<rate * 3 / 4], hertz: 1000, rate: rate)
    #expect(fit.decibelsAboveRest > quality)
    #expect(abs(fit.amplitude - 0.5) < 0.02)
  }

  @Test func mp3IsReadWhereLibsndfileCan() throws {
    let scratch = try Scratch()
    let mp3 = format(0x230000, 0x0082)  // SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, since 1.1
    let samples = tone(hertz: 1000, rate: 44_100, frames: 44_100)
    guard let path = scratch.write("a.mp3", mp3, samples, channels: 2, rate: 44_100) else { return }
    var file = try SoundFile(path: path)
    let left = channel(0, of: readAll(&file), channels: 2)
    #expect(fitSine(left[10_000..<30_000], hertz: 1000, rate: 44_100).decibelsAboveRest > 20)
  }

  @Test(arguments: [("a.ogg", vorbis), ("a.flac", flac)])
  func surroundComesInTheOrderOfWAVFiles(name: String, format: Int32) throws {
    let frequencies = [300.0, 500, 700, 60, 900, 1100]  // FL FR C LFE BL BR
    // Vorbis has FL C FR BL BR LFE, and libsndfile's writer takes what it is given for that.
    let written = format == vorbis ? [0, 2, 1, 4, 5, 3] : Array(0..<6)
    let scratch = try Scratch()
    let tones = frequencies.map { tone(hertz: $0, rate: 48_000, frames: 48_000, channels: 1) }
    var samples: [Float] = []
    for frame in 0..<48_000 { for index in written { samples.append(tones[index][frame]) } }
    let path = try #require(scratch.write(name, format, samples, channels: 6, rate: 48_000))
    var file = try SoundFile(path: path)
    let channels = file.channels
    #expect(channels == 6)
    let read = readAll(&file, atOnce: 777)
    for (index, hertz) in frequencies.enumerated() {
      let one = channel(index, of: read, channels: 6)
      let fit = fitSine(one[10_000..<40_000], hertz: hertz, rate: 48_000)
      #expect(fit.decibelsAboveRest > 10, "channel \(index)")
    }
  }

  @Test func whatCannotBeOpenedSaysWhy() throws {
    let scratch = try Scratch()
    let missing = scratch.path + "/nothing.wav"
    #expect(message(missing) == "there is no file \(missing); check its name")
    #expect(
      message(scratch.path) == "\(scratch.path) is a directory; choose one sound file in it")
    let text = try scratch.write("text.wav", Array("this is no sound".utf8))
    #expect(
      message(text)
        == "\(text) is not a sound file that can be decoded (WAV, FLAC, Ogg); "
        + "play it with a player and use --source system")
    let empty = try scratch.write("empty.ogg", [])
    #expect(message(empty).contains("is not a sound file that can be decoded"))
    #expect(message("/dev/null").contains("is no ordinary file"))
    let below = try scratch.write("file", [1]) + "/below.wav"
    #expect(message(below).contains("cannot be opened (Not a directory)"))
    let wide = [Float](repeating: 0, count: 9 * 100)
    let path = try #require(scratch.write("9.wav", wavFloat, wide, channels: 9, rate: 48_000))
    #expect(message(path).hasPrefix("\(path) has 9 channels; "))
  }

  @Test func aDamagedFileEndsEarlyAndSaysSo() throws {
    let scratch = try Scratch()
    var generator = SeededGenerator(state: 3)
    let noise = (0..<44_100 * 8).map { _ in Float.random(in: -0.5...0.5, using: &generator) }
    let path = try #require(scratch.write("a.flac", flac, noise, channels: 2, rate: 44_100))
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let whole = bytes.count
    bytes.removeSubrange(whole / 2..<whole)
    try bytes.write(to: URL(fileURLWithPath: path))
    var file = try SoundFile(path: path)
    var read = readAll(&file)
    #expect(read.count > noise.count / 4 && read.count < noise.count * 3 / 4)
    let damage = file.damage
    let text = try #require(damage).description
    #expect(
      text.hasPrefix("\(path) is damaged and could be played only up to 0:0")
        && text.hasSuffix(" of 0:04"))
    let more = file.read(frames: 100, appendingTo: &read)
    #expect(more == 0)
  }

  @Test func everyByteMayBeDamagedWithoutHarm() throws {
    let scratch = try Scratch()
    var generator = SeededGenerator(state: 7)
    for (name, format) in [("a.wav", wav16), ("a.flac", flac), ("a.ogg", vorbis), ("a.opus", opus)]
    {
      let samples = tone(hertz: 440, rate: 48_000, frames: 24_000)
      let path = try #require(scratch.write(name, format, samples, channels: 2, rate: 48_000))
      let good = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      for _ in 0..<20 {
        var bad = good
        for _ in 0..<20 {
          let index = Int.random(in: 0..<bad.count, using: &generator)
          bad[index] = .random(in: 0...255, using: &generator)
        }
        readWhatever(try scratch.write("broken", bad))
      }
    }
  }

  private func readWhatever(_ path: String) {
    do throws(CodecError) {
      var file = try SoundFile(path: path)
      var read: [Float] = []
      for _ in 0..<100 {
        read.removeAll(keepingCapacity: true)
        let count = file.read(frames: 5000, appendingTo: &read)
        let channels = file.channels
        #expect(read.count == count * channels && read.allSatisfy(\.isFinite))
        if count == 0 { break }
      }
    } catch {
      #expect(error.description.contains("; "))
    }
  }
}

/// A generator whose failures can be repeated.
private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let mixed = (state ^ (state >> 33)) &* 0xff51_afd7_ed55_8ccd
    return mixed ^ (mixed >> 33)
  }
}
