import AuraAudio
import AuraCodec
import AuraHost
import AuraStream
import Foundation
import Testing

@testable import AuraPipelines

@Suite struct RecorderTests {
  private func withPath(_ name: String, _ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.appending(path: name).path)
  }

  @Test func theNameTellsWhatIsRecorded() {
    #expect(Recorder.Content(path: "/a.b/c.OPUS") == .packets)
    #expect(Recorder.Content(path: "c.ogg") == .packets)
    #expect(Recorder.Content(path: "c.opus.wav") == .sound)
    for path in ["", "opus", "c", "c.", "c.flac"] { #expect(Recorder.Content(path: path) == nil) }
  }

  @Test func whatTheDiskIsTooSlowForIsCountedAndTakesItsTime() throws {
    try withPath("a.wav") { path in
      let recorder = try Recorder(to: path, .sound, replacing: false, onFailure: { _ in })
      // More than may ever wait.
      recorder.take(sound: [Float](repeating: 0.5, count: 2 * 11 * MediaTime.rate))
      recorder.take(sound: [Float](repeating: 0.25, count: 2 * MediaTime.rate))
      #expect(recorder.finish())
      #expect(recorder.facts.dropped == .seconds(11))
      #expect(recorder.facts.recorded == .seconds(12))
      var file = try SoundFile(path: path)
      var heard: [Float] = []
      while file.read(frames: 4_096, appendingTo: &heard) > 0 {}
      #expect(heard.count == 2 * 12 * MediaTime.rate)
      #expect(heard[..<(2 * 11 * MediaTime.rate)].allSatisfy { $0 == 0 })
      #expect(heard[(2 * 11 * MediaTime.rate)...].allSatisfy { $0 == 0.25 })
    }
  }

  @Test func nothingRecordedLeavesNothing() throws {
    try withPath("a.opus") { path in
      let recorder = try Recorder(to: path, .packets, replacing: false, onFailure: { _ in })
      recorder.take(sound: [0, 0])
      #expect(!recorder.finish() && !recorder.finish())
      #expect(!FileManager.default.fileExists(atPath: path))
      // Nor is anything taken that comes afterwards.
      recorder.take(packet: [0xfc], at: MediaTime(frames: 0), frames: 960, of: 1)
      #expect(recorder.facts == Recorder.Facts())
    }
  }
}

@Suite struct NullPlaybackTests {
  @Test func itTakesSoundInRealTime() throws {
    let tap = PlaybackTap(minimumFrames: 20 * MediaTime.rate, resumeThreshold: 1)
    // Far more than is played: this thread stays its own, no other test wakes it late.
    let sound = [Float](repeating: 0.5, count: 2 * 20 * MediaTime.rate)
    unsafe sound.withUnsafeBufferPointer { buffer in
      if let base = buffer.baseAddress { _ = unsafe tap.write(base, frames: buffer.count / 2) }
    }
    let begin = HostClock.now
    let output = NullPlayback(tap: tap) { #expect($0 == .running(device: "null")) }
    while tap.renderedFrames < 4_800, HostClock.now - begin < .seconds(60) {
      Thread.sleep(forTimeInterval: 0.005)
    }
    output.stop()
    let elapsed = HostClock.now - begin
    let frames = tap.renderedFrames
    #expect(frames >= 4_800 && Duration.frames(frames) <= elapsed + .milliseconds(5))
    #expect(tap.waitingFrames == 20 * MediaTime.rate - frames)
    let report = try #require(tap.report)
    #expect(report.frames == 240 && report.delay == .zero && report.silentFrames == 0)
    // Its clock is ours: a request is where it was due, however late the thread was woken.
    #expect(report.instant - begin >= .frames(report.firstFrame))
  }
}
