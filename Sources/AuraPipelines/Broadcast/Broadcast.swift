package import AuraAudio
internal import AuraCodec
internal import AuraHost
package import AuraStream
package import AuraTransport
internal import Synchronization

/// One source that many listeners hear: capture, media thread, transports.
package final class Broadcast: Sendable {
  package struct Configuration: Sendable {
    /// Where the sound comes from.
    package var source: BroadcastSource
    /// How it is encoded for those who join over WebRTC.
    package var profile: OpusProfile
    /// The original protocol's server.
    package var original: OriginalServer.Configuration
    /// The WebRTC server; its port is the original's.
    package var webRTC: WebRTCServer.Configuration
    /// How it begins.
    package var mode: BroadcastMode
    /// When everyone hears in film mode.
    package var delay: DelayChoice
    /// The host's own output that hears what everyone hears; nil: none.
    package var alsoPlay: (outputName: String, backend: SoundBackend)?

    package init(
      source: BroadcastSource, profile: OpusProfile, original: OriginalServer.Configuration,
      webRTC: WebRTCServer.Configuration, mode: BroadcastMode = .live,
      delay: DelayChoice = .said(PresentationPlan.usualDelay),
      alsoPlay: (outputName: String, backend: SoundBackend)? = nil
    ) {
      self.mode = mode
      self.delay = delay
      self.source = source
      self.profile = profile
      self.original = original
      self.webRTC = webRTC
      self.alsoPlay = alsoPlay
    }
  }

  /// Something the person at the host wants to know; told on several threads.
  package enum Event: Sendable {
    case capture(StreamEvent)
    /// Of the host's own output.
    case hostOutput(StreamEvent)
    /// Of the original protocol.
    case client(OriginalServer.Event)
    /// Of WebRTC.
    case listener(WebRTCServer.Event)
    /// When everyone hears is another matter from now on.
    case presented(Presenter.State)
    /// So many need longer than film mode's delay, and hear later than everyone: by so much at most.
    case late(listeners: Int, most: Duration)
  }

  /// The numbers of one moment.
  package struct Statistics: Sendable {
    /// How much media time has passed.
    package var media: Duration
    /// Sound that was never captured.
    package var missing: Duration
    /// Sound captured but thrown away because it was old.
    package var discarded: Duration
    /// What players are told of the listeners' delay; nil where the source is no output device.
    package var claimed: Duration?
    /// The level, in decibels relative to full scale.
    package var decibels: Double
    /// Levels for `/api/levels` that were thrown away because somebody was reading.
    package var lostLevels: Int
    /// The original protocol's numbers.
    package var server: OriginalServer.Statistics
    /// WebRTC's numbers.
    package var webRTC: WebRTCStatistics

    /// Everyone who hears, whatever the protocol.
    package var listeners: Int { server.clients + webRTC.playing }
    /// Everyone who ever heard.
    package var served: Int { server.clientsServed + webRTC.listenersServed }
    package var bytesSent: Int { server.bytesSent + webRTC.bytesSent }
    /// The age of the oldest sound that is on its way to anyone, counted from its capture.
    package var oldest: Duration {
      let sent = webRTC.playing > 0 ? webRTC.sendDelay ?? .zero : .zero
      return max(sent, server.oldest)
    }
  }

  /// The transports that share a port number.
  private struct Servers {
    var original: OriginalServer
    var webRTC: WebRTCServer

    func stop(draining: Duration = .zero) {
      original.stop(draining: draining)
      webRTC.stop()
    }
  }

  /// The listeners who join over WebRTC.
  package var webRTC: WebRTCServer { servers.webRTC }

  /// When frames are to be heard; may be told otherwise at any time.
  package let presenter: Presenter

  private let tap: CaptureTap
  private let servers: Servers
  private let loop: MediaLoop
  private let mediaThread: HostThread
  private let source: RunningSource
  private let hostListener: HostListener?
  private let isCapturing: CaptureFlag
  /// The output device that is the source; nil where the source is something else.
  package let outputDevice: OutputDevice?
  private let isStopped = Mutex(false)
  private let onLateness: @Sendable (_ listeners: Int, _ most: Duration) -> Void

  /// Opens the ports, starts the source and goes on the air.
  ///
  /// - Parameters:
  ///   - configuration: what is captured, and for whom.
  ///   - onEvent: told of what happens; must not call `stop`.
  /// - Throws: `TransportError`, `SoundError` or `CodecError`: one sentence for a person each.
  package init(
    _ configuration: Configuration, onEvent: @escaping @Sendable (Event) -> Void
  ) throws {
    tap = CaptureTap()
    onLateness = { onEvent(.late(listeners: $0, most: $1)) }
    if case .output(let device, _) = configuration.source {
      outputDevice = device
    } else {
      outputDevice = nil
    }
    presenter = Presenter(mode: configuration.mode, choice: configuration.delay) {
      onEvent(.presented($0))
    }
    let servers = try Self.open(configuration, onEvent: onEvent)
    self.servers = servers
    let isCapturing = CaptureFlag()
    self.isCapturing = isCapturing
    do {
      loop = try MediaLoop(
        tap: tap, timeline: configuration.source.timeline,
        format: configuration.original.format, profile: configuration.profile,
        original: servers.original, webRTC: servers.webRTC, presenter: presenter)
      hostListener = try Self.hostListener(
        configuration, device: outputDevice, presenter: presenter, timeline: loop.timeline,
        onEvent: onEvent)
      if let hostListener { loop.feed(hostListener) }
    } catch {
      servers.stop()
      throw error
    }
    outputDevice?.ceiling = presenter.state.ceiling
    do {
      source = try RunningSource.start(configuration.source, into: tap) { event in
        isCapturing.follow(event)
        onEvent(.capture(event))
      }
    } catch {
      hostListener?.stop()
      servers.stop()
      throw error
    }
    mediaThread = HostThread(name: "aura-media", realTimePriority: 20) { [loop] in loop.run() }
  }

  private static func hostListener(
    _ configuration: Configuration, device: OutputDevice?, presenter: Presenter,
    timeline: SharedTimelineLine,
    onEvent: @escaping @Sendable (Event) -> Void
  ) throws(SoundError) -> HostListener? {
    guard let place = configuration.alsoPlay else { return nil }
    return try HostListener(
      HostListener.Options(
        outputName: place.outputName, backend: place.backend,
        plan: { presenter.plan }, volume: { device?.volume.factor ?? 1 }),
      timeline: timeline
    ) { onEvent(.hostOutput($0)) }
  }

  /// Chosen by the system, the TCP port may be another program's on UDP: then the next.
  private static let mostPortAttempts = 16

  private static func open(
    _ configuration: Configuration, onEvent: @escaping @Sendable (Event) -> Void
  ) throws(TransportError) -> Servers {
    for attempt in 1... {
      let original = try OriginalServer(configuration.original) { onEvent(.client($0)) }
      var webRTC = configuration.webRTC
      webRTC.port = original.port
      do throws(TransportError) {
        return Servers(
          original: original, webRTC: try WebRTCServer(webRTC) { onEvent(.listener($0)) })
      } catch {
        original.stop()
        if configuration.original.port != 0 || attempt == mostPortAttempts { throw error }
      }
    }
    preconditionFailure("the attempts have an end")
  }

  /// The port of both transports, TCP and UDP.
  package var port: Int { servers.original.port }

  /// Whether sound is being captured at this moment.
  package var isLive: Bool { isCapturing.value }

  /// The newest line through the broadcast's media time and host time; nil before any sound.
  package var timeline: TimelineLine? { loop.timeline.load() }

  /// How loud it was lately, millisecond by millisecond.
  package var levels: LevelTrace { loop.levels }

  /// The delay from capture to ear in film mode, of what is captured now; nil in live mode.
  package var presentationDelay: Duration? { delay(by: presenter.plan) }

  /// The same by a plan.
  func delay(by plan: PresentationPlan) -> Duration? {
    guard plan.mode == .film else { return nil }
    return plan.delay(at: MediaTime(frames: loop.numbers.mediaFrames.load(ordering: .relaxed)))
  }

  /// How long after its capture sound is heard, for whoever has a picture that goes with it: film
  /// mode's delay, in live mode that of the listener in the middle; nil when nobody has told.
  package var heardDelay: Duration? {
    if let delay = presentationDelay { return delay }
    return webRTC.delays.median
  }

  /// Has our output device tell players what listeners hear; asked for again and again. A device that
  /// cannot tell every delay decides what film mode's is.
  func tellDevice(by rule: inout ClaimRule) {
    guard let device = outputDevice else { return }
    device.ceiling = presenter.state.ceiling
    device.relax((presentationDelay ?? .zero) >= PlayoutConductor.roomy)
    let plan = presenter.plan
    if plan.mode == .film && presenter.isSnapped {
      device.claim(presenter.wanted)
    } else if let delay = rule.delay(
      planned: presentationDelay, told: webRTC.delays, now: HostClock.now)
    {
      if delay == plan.last, plan.mode == .film {
        // Where it has come to rest it is told to the millisecond, which by steps it need not be.
        device.claim(delay)
      } else {
        device.follow(delay)
      }
    }
    presenter.snap(to: device.claimed == device.asked ? nil : device.claimed)
  }

  /// Tells who hears later than everyone. Any thread.
  package func tellLateness() {
    let late = webRTC.lateness
    onLateness(late.count, late.max() ?? .zero)
  }

  /// How things stand.
  package var statistics: Statistics {
    let numbers = loop.numbers
    return Statistics(
      media: .frames(Int(numbers.mediaFrames.load(ordering: .relaxed))),
      missing: .frames(numbers.missingFrames.load(ordering: .relaxed)),
      discarded: .frames(
        numbers.discardedFrames.load(ordering: .relaxed) + tap.overflowedFrames),
      claimed: outputDevice?.claimed,
      decibels: Double(bitPattern: numbers.levelBits.load(ordering: .relaxed)),
      lostLevels: loop.levels.lost,
      server: servers.original.statistics, webRTC: servers.webRTC.statistics)
  }

  /// Goes off the air and waits for every thread. Idempotent.
  ///
  /// - Parameter draining: how long listeners may take to receive what has been captured.
  package func stop(draining: Duration = .zero) {
    let isFirst = isStopped.withLock { stopped in
      defer { stopped = true }
      return !stopped
    }
    guard isFirst else { return }
    source.stop()
    loop.stop()
    mediaThread.join()
    hostListener?.stop()
    servers.stop(draining: draining)
  }
}

extension Presenter.State {
  /// Up to where players may be told more than is wanted; nil where the nearest will do.
  fileprivate var ceiling: Duration? {
    guard mode == .film, case .automatic(let cap) = choice else { return nil }
    return cap
  }
}

/// Whether capture is running, by its last event.
private final class CaptureFlag: Sendable {
  private let isRunning = Atomic(false)

  var value: Bool { isRunning.load(ordering: .relaxed) }

  func follow(_ event: StreamEvent) {
    let runs = if case .running = event { true } else { false }
    isRunning.store(runs, ordering: .relaxed)
  }
}
