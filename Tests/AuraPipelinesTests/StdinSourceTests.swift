import AuraAudio
import AuraCodec
import AuraHost
import AuraPipelines
import AuraStream
import CLinux
import Foundation
import Glibc
import Synchronization
import Testing

/// A pipe that a test writes to and a source reads from.
private final class TestPipe: Sendable {
  let readEnd: Int32
  private let writeEnd: Mutex<Int32>

  init() {
    var ends: [Int32] = [-1, -1]
    // Programs that other tests start must not keep it open.
    unsafe pipe2(&ends, O_CLOEXEC)
    readEnd = ends[0]
    writeEnd = Mutex(ends[1])
  }

  deinit {
    hangUp()
    close(readEnd)
  }

  /// Writes everything, waiting for the reader where need be.
  func write(_ bytes: some Collection<UInt8>) {
    let end = writeEnd.withLock { $0 }
    let all = Array(bytes)
    var done = 0
    while done < all.count {
      let count = unsafe all.withUnsafeBytes { buffer -> Int in
        guard let base = buffer.baseAddress else { return 0 }
        return unsafe Glibc.write(end, base + done, all.count - done)
      }
      guard count > 0 else { return }
      done += count
    }
  }

  func hangUp() {
    writeEnd.withLock { end in
      if end >= 0 { close(end) }
      end = -1
    }
  }
}

/// Writes on a thread of its own, in pieces, each when it is due by the clock.
private final class LiveWriter: Sendable {
  struct Report {
    var worstLateness = Duration.zero
    var endedAt = HostTime(nanoseconds: 0)
  }

  private let report = Mutex(Report())
  private let thread: Mutex<HostThread?> = Mutex(nil)

  /// Begins to write; what is due during `pause` is written after it, at once.
  init(
    _ bytes: [UInt8], to pipe: TestPipe, pieces: Duration, bytesPerSecond: Int,
    pause: (after: Duration, length: Duration) = (.zero, .zero)
  ) {
    let writer = HostThread(name: "test-writer", realTimePriority: 5) { [self] in
      let begin = HostClock.now
      let wakeUp = WakeUp()
      let size = Int(pieces.inNanoseconds) * bytesPerSecond / 1_000_000_000 / 4 * 4
      var written = 0
      while written < bytes.count {
        var due = begin + .nanoseconds(pieces.inNanoseconds * Int64(written / size))
        if due > begin + pause.after, due < begin + pause.after + pause.length {
          due = begin + pause.after + pause.length
        }
        wakeUp.wait(timeout: max(.zero, due - HostClock.now))
        let lateness = HostClock.now - due
        report.withLock { $0.worstLateness = max($0.worstLateness, lateness) }
        pipe.write(bytes[written..<min(bytes.count, written + size)])
        written += size
      }
      report.withLock { $0.endedAt = HostClock.now }
      pipe.hangUp()
    }
    thread.withLock { $0 = writer }
  }

  /// Waits for the end of the writing.
  func finish() -> Report {
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
    return report.withLock { $0 }
  }
}

@Suite(.serialized) struct StdinSourceTests {
  private let format = PCMFormat(encoding: .s16le, sampleRate: 48_000, channels: 2)

  @Test func aFastWriterWaitsAndLosesNothing() throws {
    let pipe = TestPipe()
    let samples = sine(hertz: 440, rate: 48_000, frames: 120_050, channels: 2)
    let writer = HostThread(name: "test-writer") {
      pipe.write(s16le(samples))
      pipe.hangUp()
    }
    let ear = SourceEar()
    let source = try StdinSource(format: format, descriptor: pipe.readEnd, tap: ear.tap) {
      ear.note($0)
    }
    let began = HostClock.now
    source.start()
    defer { source.stop() }
    try ear.listen { $0.ending != nil }
    writer.join()
    #expect(HostClock.now - began > .milliseconds(2400))
    let heard = ear.heard
    #expect(heard.events == [.running(device: "stdin (s16le:48000:2)"), .ended(reason: "")])
    #expect(source.discardedFrames == 0)
    #expect(heard.left.count == 120_050)
    var worst: Float = 0
    for (frame, sample) in heard.left.enumerated() {
      worst = max(worst, abs(sample - samples[2 * frame]))
    }
    #expect(worst < 1e-4)
  }

  @Test func theBacklogOfALiveWriterIsDiscardedAndCounted() throws {
    // 2.5 s to prove itself, then 250 ms that come at once, then 2.25 s more.
    let pipe = TestPipe()
    let total = 48_000 * 5
    let samples = sine(hertz: 440, rate: 48_000, frames: total, channels: 2)
    let ear = SourceEar()
    let source = try StdinSource(format: format, descriptor: pipe.readEnd, tap: ear.tap) {
      ear.note($0)
    }
    source.start()
    defer { source.stop() }
    let writer = LiveWriter(
      s16le(samples), to: pipe, pieces: .milliseconds(10), bytesPerSecond: 192_000,
      pause: (.milliseconds(2500), .milliseconds(250)))
    try ear.listen { $0.ending != nil }
    let report = writer.finish()
    let heard = ear.heard
    #expect(source.discardedFrames > 4800)
    #expect(heard.left.count + source.discardedFrames == total)
    // The last sound was delivered when it was written, not a backlog of 250 ms later.
    let last = try #require(heard.blocks.last)
    #expect(last.at - report.endedAt < .milliseconds(200))
    // No click: a crossfade of 2 ms bends by the slopes of both tones and 1/96 of their distance.
    let slope = Float(0.5 * 2 * Double.pi * 440 / 48_000)
    #expect(largestBend(heard.left) < 2 * slope + 1.0 / 96)
  }

  /// Who is held up by the machine for long enough has a backlog: hardly three times in a row.
  @Test func aLiveWriterThatKeepsUpLosesNothing() throws {
    for isLast in [false, false, true] where try playLive(isLast: isLast) { return }
  }

  /// Whether nothing was lost; the last time it must not be.
  private func playLive(isLast: Bool) throws -> Bool {
    let pipe = TestPipe()
    let samples = sine(hertz: 440, rate: 44_100, frames: 44_100 * 7 / 2, channels: 1)
    let mono = PCMFormat(encoding: .s16le, sampleRate: 44_100, channels: 1)
    let ear = SourceEar()
    let source = try StdinSource(format: mono, descriptor: pipe.readEnd, tap: ear.tap) {
      ear.note($0)
    }
    source.start()
    defer { source.stop() }
    let writer = LiveWriter(
      s16le(samples), to: pipe, pieces: .milliseconds(100), bytesPerSecond: 88_200)
    try ear.listen { $0.ending != nil }
    let report = writer.finish()
    let heard = ear.heard.left
    #expect(abs(heard.count + source.discardedFrames - 48_000 * 7 / 2) <= 2)
    // On a machine that held the writer itself up, what then came together was a backlog.
    if isLast, report.worstLateness >= .milliseconds(40) { return true }
    if !isLast, source.discardedFrames > 0 { return false }
    #expect(source.discardedFrames == 0)
    #expect(abs(heard.count - 48_000 * 7 / 2) <= 2)
    let ordinary = bend(hertz: 440, amplitude: 0.5) * 1.05 + 4 / 32_768
    #expect(largestBend(heard[200..<160_000]) < ordinary)
    return true
  }

  @Test func silenceOfTheWriterIsAGapInTheInstants() throws {
    let pipe = TestPipe()
    let ear = SourceEar()
    let source = try StdinSource(format: format, descriptor: pipe.readEnd, tap: ear.tap) {
      ear.note($0)
    }
    source.start()
    defer { source.stop() }
    let samples = sine(hertz: 440, rate: 48_000, frames: 4800, channels: 2)
    pipe.write(s16le(samples))
    try ear.listen { $0.left.count == 4800 }
    let pauseEnd = HostClock.now + .milliseconds(300)
    WakeUp().wait(timeout: .milliseconds(300))
    #expect(ear.tap.nextBlock == nil)
    pipe.write(s16le(samples))
    try ear.listen { $0.left.count == 9600 }
    let resumed = ear.heard.blocks[20].at
    #expect(resumed >= pauseEnd && resumed - ear.heard.blocks[19].at > .milliseconds(300))
    #expect(ear.heard.ending == nil)
    pipe.hangUp()
    try ear.listen { $0.ending != nil }
    #expect(ear.heard.left.count == 9600)
  }

  @Test func aFileIsPlayedToItsEndAndStopEndsAWait() throws {
    let path = NSTemporaryDirectory() + "auralync-test-\(UUID().uuidString).raw"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let samples = sine(hertz: 440, rate: 48_000, frames: 12_345, channels: 2)
    // One byte too many: a frame that is never whole.
    try Data(s16le(samples) + [1]).write(to: URL(fileURLWithPath: path))
    let descriptor = unsafe open(path, O_RDONLY)
    defer { close(descriptor) }
    let ear = SourceEar()
    let source = try StdinSource(format: format, descriptor: descriptor, tap: ear.tap) {
      ear.note($0)
    }
    source.start()
    defer { source.stop() }
    try ear.listen { $0.ending != nil }
    #expect(ear.heard.left.count == 12_345)

    let pipe = TestPipe()
    let waiting = try StdinSource(format: format, descriptor: pipe.readEnd, tap: CaptureTap()) {
      _ in
    }
    waiting.start()
    waiting.stop()
  }

  @Test func brokenFloatsBecomeSilenceAndAreCounted() throws {
    let pipe = TestPipe()
    let float = PCMFormat(encoding: .f32le, sampleRate: 48_000, channels: 1)
    let ear = SourceEar()
    let source = try StdinSource(format: float, descriptor: pipe.readEnd, tap: ear.tap) {
      ear.note($0)
    }
    source.start()
    defer { source.stop() }
    pipe.write([0, 0, 0, 0x3f, 0, 0, 0xc0, 0x7f])  // 0.5, NaN
    pipe.hangUp()
    try ear.listen { $0.ending != nil }
    #expect(ear.heard.left == [0.5, 0])
    #expect(source.nonFiniteSamples == 1)
  }

  @Test func aTerminalAndAClosedStdinAreRefused() throws {
    let terminal = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY)
    try #require(terminal >= 0)
    defer { close(terminal) }
    #expect(throws: CodecError("stdin is a terminal; pipe raw sound into it")) {
      _ = try StdinSource(format: format, descriptor: terminal, tap: CaptureTap()) { _ in }
    }
    #expect(throws: CodecError("stdin is closed; pipe raw sound into it")) {
      _ = try StdinSource(format: format, descriptor: -1, tap: CaptureTap()) { _ in }
    }
  }
}
