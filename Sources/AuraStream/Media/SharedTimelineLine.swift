internal import Synchronization

/// The newest line of a broadcast, from the media thread to all who tell instants.
///
/// One thread stores, any number load. The storing thread never waits: a version is odd while the
/// parts are being written, and who read meanwhile reads again.
package final class SharedTimelineLine: Sendable {
  private let version = Atomic<UInt64>(0)
  private let media = Atomic<Int64>(0)
  private let host = Atomic<Int64>(0)
  private let period = Atomic<UInt64>(0)  // bits of a Double

  package init() {}

  /// Makes a line the newest. On one thread only.
  package func store(_ line: TimelineLine) {
    let before = version.load(ordering: .relaxed)
    version.store(before + 1, ordering: .relaxed)
    atomicMemoryFence(ordering: .releasing)
    media.store(line.media.frames, ordering: .relaxed)
    host.store(line.host.nanoseconds, ordering: .relaxed)
    period.store(line.nanosecondsPerFrame.bitPattern, ordering: .relaxed)
    version.store(before + 2, ordering: .releasing)
  }

  /// The newest line; nil before the first. On any thread.
  ///
  /// It reads again while a line is being stored, which takes some nanoseconds; should the storing
  /// thread be held up just then, it gives up and says nil: ask again later.
  package func load() -> TimelineLine? {
    for _ in 0..<1000 {
      let before = version.load(ordering: .acquiring)
      if before == 0 { return nil }
      guard before.isMultiple(of: 2) else { continue }
      let line = TimelineLine(
        media: MediaTime(frames: media.load(ordering: .relaxed)),
        host: HostTime(nanoseconds: host.load(ordering: .relaxed)),
        nanosecondsPerFrame: Double(bitPattern: period.load(ordering: .relaxed)))
      atomicMemoryFence(ordering: .acquiring)
      if version.load(ordering: .relaxed) == before { return line }
    }
    return nil
  }
}
