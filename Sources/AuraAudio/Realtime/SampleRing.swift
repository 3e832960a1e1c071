internal import Synchronization

/// A ring of interleaved stereo float32 frames between exactly one writer and one reader thread.
///
/// Neither side ever waits, locks or allocates. A frame is left, right. The writer owns `tail`,
/// the reader owns `head`; each publishes its own with release and reads the other's with acquire,
/// so a frame's samples are always visible before its count is.
@safe package final class SampleRing: @unchecked Sendable {
  /// Samples in a frame.
  package static let channels = 2

  /// How many frames the ring can hold.
  package let capacity: Int

  private let samples: UnsafeMutablePointer<Float>
  private let mask: Int
  private let head = Atomic<Int>(0)  // frames read since the beginning
  private let tail = Atomic<Int>(0)  // frames written since the beginning

  /// A ring for at least `minimumFrames` frames, rounded up to a power of two.
  package init(minimumFrames: Int) {
    var capacity = 1
    while capacity < minimumFrames { capacity *= 2 }
    self.capacity = capacity
    mask = capacity - 1
    unsafe samples = .allocate(capacity: capacity * Self.channels)
    unsafe samples.initialize(repeating: 0, count: capacity * Self.channels)
  }

  deinit { unsafe samples.deallocate() }

  /// Frames that can be read now. Exact for the reader, a lower bound for anyone else.
  package var readableFrames: Int {
    let tail = tail.load(ordering: .acquiring)
    return tail - head.load(ordering: .acquiring)
  }

  /// Frames that can be written now. Exact for the writer, a lower bound for anyone else.
  package var writableFrames: Int {
    let head = head.load(ordering: .acquiring)
    return capacity - (tail.load(ordering: .acquiring) - head)
  }

  /// Frames that were ever written.
  package var writtenFrames: Int { tail.load(ordering: .relaxed) }

  /// Writer: appends as many of the frames as fit.
  ///
  /// - Parameters:
  ///   - source: `frames` interleaved stereo frames.
  ///   - frames: how many to append.
  /// - Returns: how many were appended; the rest did not fit.
  package func write(_ source: UnsafePointer<Float>, frames: Int) -> Int {
    let tail = tail.load(ordering: .relaxed)
    let count = min(frames, capacity - (tail - head.load(ordering: .acquiring)))
    let start = tail & mask
    let first = min(count, capacity - start)
    unsafe (samples + start * Self.channels).update(from: source, count: first * Self.channels)
    unsafe samples.update(
      from: source + first * Self.channels, count: (count - first) * Self.channels)
    self.tail.store(tail + count, ordering: .releasing)
    return count
  }

  /// Reader: takes up to `frames` frames.
  ///
  /// - Parameters:
  ///   - destination: room for `frames` interleaved stereo frames.
  ///   - frames: how many are wanted.
  /// - Returns: how many there were.
  package func read(into destination: UnsafeMutablePointer<Float>, frames: Int) -> Int {
    let head = head.load(ordering: .relaxed)
    let count = min(frames, tail.load(ordering: .acquiring) - head)
    let start = head & mask
    let first = min(count, capacity - start)
    unsafe destination.update(from: samples + start * Self.channels, count: first * Self.channels)
    unsafe (destination + first * Self.channels).update(
      from: samples, count: (count - first) * Self.channels)
    self.head.store(head + count, ordering: .releasing)
    return count
  }

  /// Reader: throws away up to `frames` frames.
  ///
  /// - Returns: how many there were.
  @discardableResult
  package func skip(frames: Int) -> Int {
    let head = head.load(ordering: .relaxed)
    let count = min(frames, tail.load(ordering: .acquiring) - head)
    self.head.store(head + count, ordering: .releasing)
    return count
  }
}
