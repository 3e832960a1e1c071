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
  /// When each frame was captured, for all who tell instants.
  let timeline = SharedTimelineLine()
  /// How loud it was, for who looks for a place in it.
  let levels: LevelTrace
  private let isStopping = Atomic<Bool>(false)
  private let tap: CaptureTap
  private let original: OriginalServer
  private let webRTC: WebRTCServer
  private let presenter: Presenter

  private var captured: CaptureTimeline
  private var fit = TimelineFit()
  private var fader = SpliceFader()
  private var meter = LevelMeter()
  private var chunks: ChunkMaker
  private var packets: OpusPacketizer
  private var uncompressed = LinearAudio.allCases.map { LinearPacketizer($0) }
  private var presentation: PresentationRule
  private var silenceRun = SilenceRun()
  private var tracer = LevelTracer()
  private var seenWish = 0
  /// To the host's own listener, where there is one.
  private var hostFeed: HostFeed?
  private var scratch: [Float]
  private let silence = [Float](repeating: 0, count: 2 * mostSilence)

  /// A loop that is not running yet.
  ///
  /// Judges the source's blocks by `timeline`.
  ///
  /// - Throws: `CodecError` when the format or profile cannot be made.
  init(
    tap: CaptureTap, timeline: CaptureTimeline, format: OriginalFormat, profile: OpusProfile,
    original: OriginalServer, webRTC: WebRTCServer, presenter: Presenter
  ) throws(CodecError) {
    captured = timeline
    self.presenter = presenter
    levels = tracer.trace
    presentation = presenter.rule
    self.tap = tap
    self.original = original
    self.webRTC = webRTC
    chunks = try ChunkMaker(format)
    packets = try OpusPacketizer(profile)
    packets.setFrames(
      presentation.packetFrames(live: profile.frames, at: captured.position))
    scratch = Array(repeating: 0, count: 2 * tap.capacity)
  }

  /// Before `run`: gives the sound to the host's own listener, too.
  func feed(_ listener: HostListener) { hostFeed = listener.feed() }

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
    tap.releaseNewest()
    takeBlocks()
    let last = ChunkPresentation(presentation.plan, at: captured.position)
    chunks.finish { [original] in original.publish($0, capturedAt: $1, last) }
    packets.finish { [webRTC, fit, plan = presentation.plan] in
      webRTC.publish($0, $1.placed(by: fit), plan)
    }
    // What is left of uncompressed sound is less than 5 ms, and no listener misses it.
    publishNumbers()
  }

  private func takeBlocks() {
    while let block = tap.nextBlock {
      let verdict = captured.accept(
        capturedAt: block.capturedAt, frames: block.frames, missed: block.missed,
        now: HostClock.now)
      guard case .use(let start, let skipping, let isSplice) = verdict else {
        unsafe tap.takeBlock(into: nil)
        continue
      }
      unsafe scratch.withUnsafeMutableBufferPointer { unsafe tap.takeBlock(into: $0.baseAddress) }
      if isSplice { fader.splice() }
      learn(start, capturedAt: block.capturedAt + .frames(skipping))
      pass(from: skipping, to: block.frames, at: start)
    }
  }

  /// - Returns: whether capture has stopped and silence takes its place.
  private func sendSilence() -> Bool {
    guard let due = captured.silence(now: HostClock.now, maximum: Self.mostSilence) else {
      return false
    }
    if due.isSplice { fader.splice() }
    scratch.replaceSubrange(0..<2 * due.frames, with: silence[..<(2 * due.frames)])
    // Without capture the host's clock drives the timeline.
    if let end = captured.instantOfPosition { learn(due.at, capturedAt: end - .frames(due.frames)) }
    pass(from: 0, to: due.frames, at: due.at)
    return true
  }

  private func learn(_ frame: MediaTime, capturedAt instant: HostTime) {
    fit.update(media: frame, at: instant)
    if let line = fit.current { timeline.store(line) }
  }

  /// Through the stages: splice, meter, then chunks and packets, network.
  private func pass(from start: Int, to end: Int, at media: MediaTime) {
    guard end > start, let instant = captured.instantOfPosition else { return }
    do {
      var samples = scratch.mutableSpan
      fader.apply(to: &samples, frames: start..<end)
    }
    let samples = scratch  // the same storage; a span must borrow from a local
    let stretch = samples.span.extracting(2 * start..<2 * end)
    meter.measure(stretch, duration: .frames(end - start))
    silenceRun.note(stretch)
    tracer.append(stretch, at: media)
    packets.append(stretch, at: media, endingAt: instant) {
      [webRTC, fit, plan = presentation.plan] in
      webRTC.publish($0, $1.placed(by: fit), plan)
    }
    passUncompressed(stretch, at: media, endingAt: instant)
    hostFeed?.append(stretch, at: media, endingAt: instant)
    present(at: media + (end - start))
    let plan = ChunkPresentation(presentation.plan, at: media)
    chunks.append(stretch, endingAt: instant) { [original] in
      original.publish($0, capturedAt: $1, plan)
    }
  }

  /// Once for all who listen that way, and only while somebody does.
  private func passUncompressed(
    _ stretch: Span<Float>, at media: MediaTime, endingAt end: HostTime
  ) {
    for index in uncompressed.indices {
      let coding = uncompressed[index].coding
      guard webRTC.hasListeners(to: coding) else {
        uncompressed[index].reset()
        continue
      }
      uncompressed[index].append(stretch, at: media, endingAt: end) {
        [webRTC, fit, plan = presentation.plan] in
        webRTC.publish($0, $1.placed(by: fit), plan, as: coding)
      }
    }
  }

  /// Follows what is wanted of when frames are to be heard.
  private func present(at next: MediaTime) {
    let silence = silenceRun.duration
    var isNew = presentation.note(silence: silence, at: next)
    if let wish = presenter.wish(after: &seenWish) {
      isNew =
        presentation.change(to: wish.mode, delay: wish.delay, at: next, silence: silence) || isNew
    }
    packets.setFrames(presentation.packetFrames(live: packets.profile.frames, at: next))
    guard isNew else { return }
    presenter.publish(presentation.plan)
  }

  private func publishNumbers() {
    numbers.mediaFrames.store(captured.position.frames, ordering: .relaxed)
    numbers.missingFrames.store(captured.missingFrames, ordering: .relaxed)
    numbers.discardedFrames.store(captured.discardedFrames, ordering: .relaxed)
    numbers.levelBits.store(meter.decibels.bitPattern, ordering: .relaxed)
  }
}

extension PacketMaker.Packet {
  /// The same packet at the instant that the fitted timeline has for it.
  fileprivate func placed(by fit: TimelineFit) -> Self {
    var packet = self
    packet.capturedAt = fit.instant(of: start) ?? capturedAt
    return packet
  }
}
