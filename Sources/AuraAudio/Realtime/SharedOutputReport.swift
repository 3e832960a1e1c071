internal import AuraStream
internal import Synchronization

/// An output's last request, from the audio callback to the thread that plays.
///
/// The callback stores and never waits; a version is odd while the parts are being written, and who
/// read meanwhile reads again.
final class SharedOutputReport: Sendable {
  private let version = Atomic<UInt64>(0)
  private let firstFrame = Atomic<Int>(0)
  private let frames = Atomic<Int>(0)
  private let instant = Atomic<Int64>(0)
  private let delay = Atomic<Int64>(0)
  private let silentFrames = Atomic<Int>(0)

  /// Makes a report the newest. On one thread only.
  func store(_ report: OutputReport) {
    let before = version.load(ordering: .relaxed)
    version.store(before + 1, ordering: .relaxed)
    atomicMemoryFence(ordering: .releasing)
    firstFrame.store(report.firstFrame, ordering: .relaxed)
    frames.store(report.frames, ordering: .relaxed)
    instant.store(report.instant.nanoseconds, ordering: .relaxed)
    delay.store(report.delay.inNanoseconds, ordering: .relaxed)
    silentFrames.store(report.silentFrames, ordering: .relaxed)
    version.store(before + 2, ordering: .releasing)
  }

  /// The newest report; nil before the first. On any thread.
  func load() -> OutputReport? {
    // The callback is through in nanoseconds; should it be held up just then, ask again later.
    for _ in 0..<1000 {
      let before = version.load(ordering: .acquiring)
      if before == 0 { return nil }
      guard before.isMultiple(of: 2) else { continue }
      let report = OutputReport(
        firstFrame: firstFrame.load(ordering: .relaxed), frames: frames.load(ordering: .relaxed),
        instant: HostTime(nanoseconds: instant.load(ordering: .relaxed)),
        delay: .nanoseconds(delay.load(ordering: .relaxed)),
        silentFrames: silentFrames.load(ordering: .relaxed))
      atomicMemoryFence(ordering: .acquiring)
      if version.load(ordering: .relaxed) == before { return report }
    }
    return nil
  }
}
