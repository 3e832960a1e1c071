package import AuraHost
package import AuraStream
internal import Synchronization

/// Where a capture back end puts what it hears, and where the media thread takes it from.
///
/// One writer (the sound system's callback), one reader (the media thread). `deliver` is all that
/// an audio callback may call: it copies, publishes and wakes; it never waits, locks or allocates.
@safe package final class CaptureTap: @unchecked Sendable {
  // `stamps` slots are written by the writer before it publishes `stampTail` (release) and read
  // by the reader after it loads `stampTail` (acquire); `stampHead` mirrors that the other way.
  private static let stampCapacity = 1024

  /// One delivered block: how many frames, and when the first of them was captured.
  private struct Stamp {
    var frames = 0
    var instant = HostTime(nanoseconds: 0)
    var missed = 0
  }

  private let ring: SampleRing
  private let stamps: UnsafeMutablePointer<Stamp>
  private let stampHead = Atomic<Int>(0)
  private let stampTail = Atomic<Int>(0)
  private let overflow = Atomic<Int>(0)
  private let holdsNewest = Atomic<Bool>(false)

  /// Signalled after every delivered block.
  package let wakeUp: WakeUp

  /// A tap that holds at least `minimumFrames` frames, 1.4 s unless told.
  package init(minimumFrames: Int = 65_536, wakeUp: WakeUp = WakeUp()) {
    ring = SampleRing(minimumFrames: minimumFrames)
    unsafe stamps = .allocate(capacity: Self.stampCapacity)
    unsafe stamps.initialize(repeating: Stamp(), count: Self.stampCapacity)
    self.wakeUp = wakeUp
  }

  deinit { unsafe stamps.deallocate() }

  /// Frames that found no room because the reader did not come, since the beginning.
  package var overflowedFrames: Int { overflow.load(ordering: .relaxed) }

  /// The longest block the tap can ever take, in frames.
  package var capacity: Int { ring.capacity }

  /// Has every block wait for the one after it: for a source whose blocks come when their first frame is due,
  /// so that nobody downstream gets an instant that is still to come. Before the first block.
  package func holdNewest() { holdsNewest.store(true, ordering: .relaxed) }

  /// Ends that: nothing comes any more.
  package func releaseNewest() { holdsNewest.store(false, ordering: .relaxed) }

  /// Writer: hands over one captured block. Safe on the audio thread.
  ///
  /// Blocks must come in the order of their instants. A block without room is dropped whole and
  /// counted; the next block's instant tells the reader what is missing.
  ///
  /// - Parameters:
  ///   - samples: interleaved stereo float32 at 48 kHz.
  ///   - frames: how many frames.
  ///   - capturedAt: the instant of the first frame.
  ///   - missed: frames lost right before it, where the sound system counts them; below zero those of
  ///     the block before that were not (`MissedCycles`).
  package func deliver(
    _ samples: UnsafePointer<Float>, frames: Int, capturedAt: HostTime, missed: Int = 0
  ) {
    guard frames > 0 else { return }
    let tail = stampTail.load(ordering: .relaxed)
    let stampsUsed = tail - stampHead.load(ordering: .acquiring)
    guard stampsUsed < Self.stampCapacity, ring.writableFrames >= frames else {
      overflow.wrappingAdd(frames, ordering: .relaxed)
      return
    }
    _ = unsafe ring.write(samples, frames: frames)
    unsafe stamps[tail % Self.stampCapacity] = Stamp(
      frames: frames, instant: capturedAt, missed: missed)
    stampTail.store(tail + 1, ordering: .releasing)
    wakeUp.signal()
  }

  /// Reader: the next block's length in frames, the instant of its first frame, and the frames lost
  /// right before it; or nil. One with lost frames waits for the block after it, which may know better.
  package var nextBlock: (frames: Int, capturedAt: HostTime, missed: Int)? {
    let head = stampHead.load(ordering: .relaxed)
    let count = stampTail.load(ordering: .acquiring) - head
    guard count > (holdsNewest.load(ordering: .relaxed) ? 1 : 0) else { return nil }
    let stamp = unsafe stamps[head % Self.stampCapacity]
    guard stamp.missed > 0 else { return (stamp.frames, stamp.instant, 0) }
    guard count > 1 else { return nil }
    let next = unsafe stamps[(head + 1) % Self.stampCapacity]
    return (stamp.frames, stamp.instant, max(0, stamp.missed + min(0, next.missed)))
  }

  /// Reader: takes the next block whole; call only after `nextBlock` told its length.
  ///
  /// - Parameter destination: room for the block's frames, interleaved stereo; nil throws the
  ///   block away.
  package func takeBlock(into destination: UnsafeMutablePointer<Float>?) {
    guard let block = nextBlock else { return }
    if let destination = unsafe destination {
      _ = unsafe ring.read(into: destination, frames: block.frames)
    } else {
      ring.skip(frames: block.frames)
    }
    stampHead.wrappingAdd(1, ordering: .releasing)
  }
}
