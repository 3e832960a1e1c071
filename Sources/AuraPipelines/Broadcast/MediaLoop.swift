internal import AuraAudio
internal import AuraCodec
internal import AuraHost
internal import AuraStream
internal import AuraTransport
internal import Synchronization

/// The media thread: from the capture's tap to the transports, every stage in order.
///
/// It owns the broadcast's timeline. It waits for sound, never for a listener.
final class MediaLoop: @unchecked Sendable {
  // `numbers` and `stop` are shared; everything else belongs to the media thread once it runs.

  /// What the control side may read at any time.
  final class Numbers: Sendable {
    let mediaFrames = Atomic<Int64>(0)
    let missingFrames = Atomic<Int>(0)
    let discardedFrames = Atomic<Int>(0)
    let levelBits = Atomic<UInt64>(LevelMeter.floor.bitPattern)
  }

  /// While capture flows, how often to look whether it still does.
  private static let watching = Duration.milliseconds(50)
  /// While it does not, how often silence is sent in its place.
  private static let silencing = Duration.milliseconds(10)
  private static let mostSilence = MediaTime.rate / 10

  let numbers = Numbers()
  private let isStopping = Atomic<Bool>(false)
  private let tap: CaptureTap
  private let server: OriginalServer

  private var timeline = CaptureTimeline()
  private var fader = SpliceFader()
  private var meter = LevelMeter()
  private var chunks: ChunkMaker
  private var scratch: [Float]
  private let silence = [Float](repeating: 0, count: 2 * mostSilence)

  /// A loop that is not running yet.
  ///
  /// - Throws: `CodecError` when the format cannot be made.
  init(
    tap: CaptureTap, format: OriginalFormat, server: OriginalServer
  ) throws(CodecError) {
    self.tap = tap
    self.server = server
    chunks = try ChunkMaker(format)
    scratch = Array(repeating: 0, count: 2 * tap.capacity)
  }

  /// Any thread: what has been delivered so far is still sent, then `run` returns.
  func stop() {
    isStopping.store(true, ordering: .releasing)
    tap.wakeUp.signal()
  }

  func run() {
    var isFlowing = true
    while !isStopping.load(ordering: .acquiring) {
      tap.wakeUp.wait(timeout: isFlowing ? Self.watching : Self.silencing)
      takeBlocks()
      isFlowing = !sendSilence()
      publishNumbers()
    }
    takeBlocks()
    chunks.finish { [server] in server.publish($0, capturedAt: $1) }
    publishNumbers()
  }

  private func takeBlocks() {
    while let block = tap.nextBlock {
      let verdict = timeline.accept(
        capturedAt: block.capturedAt, frames: block.frames, now: HostClock.now)
      guard case .use(_, let skipping, let isSplice) = verdict else {
        unsafe tap.takeBlock(into: nil)
        continue
      }
      unsafe scratch.withUnsafeMutableBufferPointer { unsafe tap.takeBlock(into: $0.baseAddress) }
      if isSplice { fader.splice() }
      pass(from: skipping, to: block.frames)
    }
  }

  /// - Returns: whether capture has stopped and silence takes its place.
  private func sendSilence() -> Bool {
    guard let due = timeline.silence(now: HostClock.now, maximum: Self.mostSilence) else {
      return false
    }
    if due.isSplice { fader.splice() }
    scratch.replaceSubrange(0..<2 * due.frames, with: silence[..<(2 * due.frames)])
    pass(from: 0, to: due.frames)
    return true
  }

  /// Through the stages: splice, meter, chunks, network.
  private func pass(from start: Int, to end: Int) {
    guard end > start, let instant = timeline.instantOfPosition else { return }
    do {
      var samples = scratch.mutableSpan
      fader.apply(to: &samples, frames: start..<end)
    }
    let samples = scratch  // the same storage; a span must borrow from a local
    let stretch = samples.span.extracting(2 * start..<2 * end)
    meter.measure(stretch, duration: .frames(end - start))
    chunks.append(stretch, endingAt: instant) { [server] in
      server.publish($0, capturedAt: $1)
    }
  }

  private func publishNumbers() {
    numbers.mediaFrames.store(timeline.position.frames, ordering: .relaxed)
    numbers.missingFrames.store(timeline.missingFrames, ordering: .relaxed)
    numbers.discardedFrames.store(timeline.discardedFrames, ordering: .relaxed)
    numbers.levelBits.store(meter.decibels.bitPattern, ordering: .relaxed)
  }
}
