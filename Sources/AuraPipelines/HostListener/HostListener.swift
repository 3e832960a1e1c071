internal import AuraAudio
internal import AuraCodec
internal import AuraHost
internal import AuraStream
internal import AuraTransport
internal import Synchronization

/// The host's own loudspeakers or headphones, as one more listener: every frame is heard there when
/// all others hear it, at its capture instant and the delay.
///
/// It is the native listener without a network: the same playout, fed by the media thread.
final class HostListener: Sendable {
  /// What it plays to, and how.
  struct Options: Sendable {
    /// An output's name.
    var outputName: String
    var backend: SoundBackend
    /// When frames are to be heard.
    var plan: @Sendable () -> PresentationPlan
    /// What sound is multiplied by.
    var volume: @Sendable () -> Float
  }

  private static let longestBuffer = MediaTime.rate
  private static let longestSleep = Duration.milliseconds(5)
  /// Never none: the thread may have real-time priority.
  private static let shortestSleep = Duration.microseconds(500)
  private static let telling = Duration.milliseconds(200)

  private let options: Options
  private let queue = PlayerQueue()
  private let timeline: SharedTimelineLine
  private let tap = PlaybackTap(minimumFrames: longestBuffer, resumeThreshold: 1)
  private let output: StreamSupervisor
  private let isStopping = Atomic<Bool>(false)
  private let thread = Mutex<HostThread?>(nil)

  /// Opens the output and begins to listen.
  ///
  /// - Parameters:
  ///   - options: where, and how.
  ///   - timeline: when each frame was captured.
  ///   - onEvent: told of what becomes of the output; must not call `stop`.
  /// - Throws: `SoundError` when the output cannot be had.
  init(
    _ options: Options, timeline: SharedTimelineLine,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) {
    self.options = options
    self.timeline = timeline
    let tap = tap
    output = try StreamSupervisor(
      name: "aura-output",
      make: { (handler) throws(SoundError) in
        try Sound.playback(
          to: options.outputName, of: options.backend, from: tap, onEvent: handler)
      }, onEvent: onEvent)
    thread.withLock {
      $0 = HostThread(name: "aura-host", realTimePriority: 15) { [self] in run() }
    }
  }

  /// What the media thread fills.
  func feed() -> HostFeed { HostFeed(queue) }

  /// Ends it and waits. Idempotent.
  func stop() {
    isStopping.store(true, ordering: .releasing)
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
    output.stop()
  }

  private func run() {
    guard let playing = makeChain() else { return }
    var nextTelling = HostClock.now
    while !isStopping.load(ordering: .acquiring) {
      let now = HostClock.now
      let due = playing.nextDeadline.map { $0 - now } ?? Self.longestSleep
      queue.wait(timeout: max(Self.shortestSleep, min(due, Self.longestSleep)))
      take(into: playing)
      if HostClock.now >= nextTelling {
        nextTelling = HostClock.now + Self.telling
        tell(playing)
      }
      playing.play(now: HostClock.now)
    }
  }

  private func makeChain() -> WebRTCPlayoutChain? {
    // It asks nobody for what is lost: between two threads nothing is, or for good.
    let playout = PlayoutConductor.Parameters(
      delay: PlayoutDelay.usual, payloadType: HostFeed.payloadType, requestsRepair: false)
    return try? WebRTCPlayoutChain(
      .init(format: .linear(HostFeed.format), playout: playout),
      sink: VolumeSink(tap, volume: options.volume))
  }

  private func take(into chain: WebRTCPlayoutChain) {
    while queue.takePacket({ packet, payload in
      let header = packet.header
      chain.receive(
        .init(
          ssrc: header.ssrc, sequenceNumber: header.sequenceNumber, timestamp: header.timestamp,
          payloadType: header.payloadType, arrival: packet.arrivedAt), payload: payload)
    }) {}
  }

  /// What a network's listener learns of delays, capture instants and clocks, where both clocks are one.
  private func tell(_ chain: WebRTCPlayoutChain) {
    let plan = options.plan()
    chain.presentation(
      PresentationNotice(plan, timestamp: UInt32(truncatingIfNeeded: plan.since.frames)))
    guard let line = timeline.load() else { return }
    let now = HostClock.now
    let media = line.mediaTime(at: now)
    chain.senderReport(
      ntpTime: NTPTime(line.instant(of: media)),
      timestamp: UInt32(truncatingIfNeeded: media.frames))
    chain.clockExchange(ClockExchange(asked: now, served: now, answered: now, received: now))
  }
}
