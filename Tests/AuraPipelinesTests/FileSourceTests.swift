import AuraAudio
import AuraCodec
import AuraHost
import AuraPipelines
import AuraStream
import Foundation
import Testing

@Suite struct FileSourceTests {
  private func withFile<T>(_ bytes: [UInt8], _ body: (String) throws -> T) throws -> T {
    let path = NSTemporaryDirectory() + "auralync-test-\(UUID().uuidString).wav"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  @Test func playsOnceAtItsPaceToTheLastFrame() throws {
    let samples = sine(hertz: 440, rate: 48_000, frames: 24_100, channels: 2)
    try withFile(wav(samples, channels: 2, rate: 48_000)) { path in
      let ear = SourceEar()
      let source = try FileSource(path: path, tap: ear.tap) { ear.note($0) }
      let duration = try #require(source.duration)
      #expect(abs(duration.inSeconds * 48_000 - 24_100) < 0.5)
      let began = HostClock.now
      source.start()
      defer { source.stop() }
      try ear.listen { $0.ending != nil }
      // It ends when the last frame has sounded, not when it was read.
      #expect(HostClock.now - began >= .frames(24_100))
      let heard = ear.heard
      #expect(heard.events == [.running(device: path), .ended(reason: "")])
      #expect(heard.left.count == 24_100)
      var worst: Float = 0
      for (frame, sample) in heard.left.enumerated() {
        worst = max(worst, abs(sample - samples[2 * frame]))
      }
      #expect(worst < 1e-4)
    }
  }

  @Test func anyRateAndChannelsBecome48kHzStereo() throws {
    let mono = sine(hertz: 440, rate: 22_050, frames: 11_025, channels: 1)
    try withFile(wav(mono, channels: 1, rate: 22_050)) { path in
      let ear = SourceEar()
      let source = try FileSource(path: path, tap: ear.tap) { ear.note($0) }
      source.start()
      defer { source.stop() }
      try ear.listen { $0.ending != nil }
      let heard = ear.heard
      #expect(abs(heard.left.count - 24_000) <= 2)
      #expect(heard.left == heard.right)
      let ideal = sine(hertz: 440, rate: 48_000, frames: 24_000, channels: 1)
      var worst: Float = 0
      for frame in 2000..<22_000 { worst = max(worst, abs(heard.left[frame] - ideal[frame])) }
      #expect(worst < 0.001)
    }
  }

  @Test func stopEndsItWithoutAnEnding() throws {
    let samples = [Float](repeating: 0, count: 48_000 * 60)
    try withFile(wav(samples, channels: 1, rate: 48_000)) { path in
      let ear = SourceEar()
      let source = try FileSource(path: path, tap: ear.tap) { ear.note($0) }
      source.start()
      try ear.listen { !$0.blocks.isEmpty }
      source.stop()
      #expect(ear.heard.ending == nil)
    }
  }

  @Test func whatIsNoSoundFileIsRefused() {
    #expect(throws: CodecError("there is no file /nowhere/film.flac; check its name")) {
      _ = try FileSource(path: "/nowhere/film.flac", tap: CaptureTap()) { _ in }
    }
  }
}
