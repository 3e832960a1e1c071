internal import AuraAudio
internal import AuraCodec
internal import AuraHost
internal import AuraStream
internal import AuraTransport
internal import AuraWeb

/// What the network thread of a listener over WebRTC does: joins, plays, joins again.
///
/// A session that falls silent is kept while another one is tried for: whichever works first is used.
final class WebRTCRun {
  /// A session, from its answer on.
  struct Connection {
    let id: PlayerID
    let queue: PlayerQueue
    let joined: JoinAttempt.Success
    var hasStarted = false
    /// Nothing comes from it at present.
    var isDoubtful = false
  }

  private static let firstRetry = Duration.milliseconds(100)
  /// Before anything was heard, and later: then it is to be back soon.
  private static let longestRetry = (first: Duration.seconds(2), later: Duration.milliseconds(200))
  private static let patience = (first: Duration.seconds(5), later: Duration.milliseconds(500))
  private static let reporting = Duration.seconds(5)
  private static let publishing = Duration.milliseconds(50)
  private static let longestSleep = (
    playing: Duration.milliseconds(5), idle: Duration.milliseconds(50)
  )
  private static let shortestSleep = Duration.microseconds(500)
  /// An output that has not asked for sound for this long is not running.
  private static let longestPause = Duration.milliseconds(250)

  private let session: WebRTCSession
  private let loop: PlayerLoop
  private var chain: WebRTCPlayoutChain?
  private var agreed: (playout: PlayoutConductor.Parameters, format: PayloadFormat)?
  private var current: Connection?
  private var attempt: JoinAttempt?
  private var nextAttempt: HostTime?
  private var retry = WebRTCRun.firstRetry
  private var hasPlayed = false
  private var isOver = false
  private var nextPublication = HostTime(nanoseconds: 0)
  private var nextReport: HostTime?
  private var reported = (expected: 0, missing: 0)

  init(_ session: WebRTCSession, loop: PlayerLoop) {
    self.session = session
    self.loop = loop
  }

  func run() {
    session.onEvent(.connecting)
    nextAttempt = HostClock.now
    while !session.isCancelled, !isOver {
      session.wakeUp.wait(timeout: sleep(now: HostClock.now))
      var now = HostClock.now
      takeOutcome(now: now)
      takeEvents(now: now)
      takePackets()
      now = HostClock.now
      chain?.play(now: now)
      request(now: now)
      keepTime(now: now)
    }
    attempt?.abandon()
    leave()
  }

  /// How long nothing is to be done unless something comes.
  private func sleep(now: HostTime) -> Duration {
    guard let chain else { return Self.longestSleep.idle }
    let due = chain.nextDeadline.map { $0 - now } ?? Self.longestSleep.playing
    // Never none: this thread may have real-time priority. Packets end the sleep all the same.
    return max(Self.shortestSleep, min(due, Self.longestSleep.playing))
  }

  private func keepTime(now: HostTime) {
    if attempt == nil, let due = nextAttempt, due <= now {
      nextAttempt = nil
      attempt = JoinAttempt(
        session.target, loop: loop, patience: hasPlayed ? Self.patience.later : Self.patience.first,
        wakeUp: session.wakeUp)
    }
    if now >= nextPublication {
      nextPublication = now + Self.publishing
      publish(now: now)
    }
    if let due = nextReport, due <= now {
      nextReport = now + Self.reporting
      tellServer()
    }
  }

  // MARK: Joining

  private func takeOutcome(now: HostTime) {
    guard let outcome = attempt?.outcome else { return }
    attempt = nil
    switch outcome {
    case .success(let joined): begin(joined)
    case .failure(.lost(let reason)): tryAgain(reason, in: retry, now: now)
    case .failure(.later(let reason, let wait)): tryAgain(reason, in: wait, now: now)
    case .failure(.refused(let reason)):
      guard !hasPlayed else { return tryAgain(reason, in: retry, now: now) }
      session.onEvent(.failed(reason: reason))
      isOver = true
    }
  }

  private func tryAgain(_ reason: String, in wait: Duration, now: HostTime) {
    // An old session that has come back meanwhile is all we want.
    if let current, !current.isDoubtful { return }
    session.onEvent(.disconnected(reason: reason, retryIn: wait))
    nextAttempt = now + wait
    retry = min(retry * 2, hasPlayed ? Self.longestRetry.later : Self.longestRetry.first)
  }

  private func begin(_ joined: JoinAttempt.Success) {
    if let current { loop.leave(current.id) }
    do throws(CodecError) {
      try agree(joined.answer)
    } catch {
      session.onEvent(.failed(reason: error.description))
      isOver = true
      return
    }
    let queue = PlayerQueue(wakeUp: session.wakeUp)
    let id = loop.begin(joined.seat, joined.answer, sink: queue)
    current = Connection(id: id, queue: queue, joined: joined)
    reported = (0, 0)
  }

  /// Keeps the chain where it fits.
  private func agree(_ answer: PlayerAnswer) throws(CodecError) {
    let parameters = PlayoutConductor.Parameters(
      delay: session.options.delay, payloadType: answer.payloadType,
      redundantPayloadType: answer.redPayloadType, requestsRepair: answer.answersNACK)
    let format = answer.linear.map { PayloadFormat.linear($0) } ?? .opus
    if let chain, let agreed, agreed == (parameters, format) {
      chain.reconnect()
      return
    }
    agreed = (parameters, format)
    chain = try WebRTCPlayoutChain(
      .init(
        format: format, playout: parameters, volume: session.options.volume,
        recorder: session.options.recorder, headphone: session.options.headphone),
      sink: session.tap)
  }

  // MARK: Listening

  private func takeEvents(now: HostTime) {
    guard let events = current?.queue.takeEvents() else { return }
    for (event, _) in events {
      switch event {
      case .started:
        current?.hasStarted = true
        didConnect(now: now)
      case .liveness(.present):
        guard current?.isDoubtful == true else { break }
        current?.isDoubtful = false
        attempt?.abandon()
        attempt = nil
        didConnect(now: now)
      case .liveness:
        guard current?.isDoubtful == false else { break }
        current?.isDoubtful = true
        tryAgain("Nothing comes from the server any more", in: .zero, now: now)
      case .told(let clock, let echo): take(clock, echo)
      case .ended(let end):
        let isKnown = current?.isDoubtful == true
        current = nil
        if isKnown || attempt != nil { break }
        tryAgain(Self.words(end), in: retry, now: now)
      }
    }
    if current == nil, attempt == nil, nextAttempt == nil, !isOver { nextAttempt = now }
  }

  private func didConnect(now: HostTime) {
    guard let joined = current?.joined else { return }
    if hasPlayed { session.publish { $0.reconnections += 1 } }
    hasPlayed = true
    retry = Self.firstRetry
    nextAttempt = nil
    nextReport = joined.isOurs && joined.session != nil ? now + Self.reporting : nil
    session.onEvent(
      .connected(
        address: "\(joined.endpoint)",
        carrier: .webRTC(joined.endpoint, linear: joined.answer.linear),
        isLocal: joined.isLocal))
  }

  private func take(_ clock: PlayerFacts.SenderClock, _ echo: DelaySinceReference.Report?) {
    chain?.senderReport(ntpTime: clock.ntpTime, timestamp: clock.rtpTimestamp)
    if let notice = clock.notice { chain?.presentation(notice) }
    guard let echo,
      let exchange = ClockExchange(
        echo: echo, reportedAt: clock.ntpTime, received: clock.arrivedAt)
    else { return }
    chain?.clockExchange(exchange)
  }

  private func takePackets() {
    guard let current, let chain else { return }
    while current.queue.takePacket({ packet, payload in
      let header = packet.header
      chain.receive(
        .init(
          ssrc: header.ssrc, sequenceNumber: header.sequenceNumber, timestamp: header.timestamp,
          payloadType: header.payloadType, arrival: packet.arrivedAt), payload: payload)
    }) {}
  }

  private func request(now: HostTime) {
    guard let current, current.hasStarted, let chain else { return }
    let lost = chain.requests(roundTrip: current.queue.latestFacts.roundTrip, now: now)
    if !lost.isEmpty { loop.request(lost, for: current.id) }
  }

  private static func words(_ end: PlayerEnd) -> String {
    switch end {
    case .unreachable:
      "The server lets us in, but nothing comes by UDP. Is its UDP port open in the firewall?"
    case .unfinished, .handshake: "The server lets us in, but no encryption could be agreed on"
    case .goodbye: "The server has ended the session"
    case .silent: "The server has not answered for 30 s"
    case .ended: "The session has ended"
    }
  }

  // MARK: Telling

  private func publish(now: HostTime) {
    var numbers = Listener.Statistics.WebRTC()
    let reception = current?.queue.latestFacts.reception
    if let facts = chain?.facts { numbers.playout = facts }
    numbers.fixedDelay = numbers.playout.film
    if case .fixed(let delay) = session.options.delay { numbers.fixedDelay = delay }
    numbers.expected = reception?.expected ?? 0
    numbers.missing = reception?.missing ?? 0
    numbers.late = session.late
    let isRunning = session.tap.lastRender.map { now - $0 < Self.longestPause } ?? false
    let isConnected = current.map { $0.hasStarted && !$0.isDoubtful } ?? false
    let isPlaying = isConnected && isRunning && numbers.playout.counts.played > 0
    let decibels = chain?.decibels ?? LevelMeter.floor
    session.publish { statistics in
      statistics.state = isPlaying ? .playing : isConnected ? .buffering : .waiting
      statistics.decibels = isConnected ? decibels : LevelMeter.floor
      statistics.buffer = numbers.playout.stages.buffer + numbers.playout.stages.waiting
      statistics.target = numbers.playout.delay ?? .zero
      statistics.ratePPM = numbers.playout.ratePPM
      statistics.webRTC = numbers
    }
  }

  /// Tells a server of ours what only we know.
  private func tellServer() {
    guard let current, let address = current.joined.session, let facts = chain?.facts else {
      return
    }
    let reception = current.queue.latestFacts.reception
    let expected = reception.expected - reported.expected
    let lost = max(0, reception.missing - reported.missing)
    reported = (reception.expected, reception.missing)
    let report = ListenerReport(
      delay: facts.isExact ? facts.delay.map { $0 + facts.error } : nil, jitter: facts.jitter,
      loss: expected > 0 ? min(1, Double(lost) / Double(expected)) : nil,
      concealed: .frames(facts.counts.concealed), needed: facts.isExact ? facts.needed : nil,
      holds: true, parts: facts.isExact ? facts.parts : nil)
    Task.detached { [session] in
      // Who does not answer says nothing new.
      guard let late = try? await WHEPClient().tell(report, to: address) ?? .zero else { return }
      session.take(late: late)
    }
  }

  /// Says goodbye, and ends the session at the server even if that is lost.
  private func leave() {
    guard let current else { return }
    loop.leave(current.id)
    guard let address = current.joined.session else { return }
    let isDone = WakeUp()
    Task.detached {
      try? await WHEPClient(connecting: .milliseconds(300)).leave(address)
      isDone.signal()
    }
    isDone.wait(timeout: .milliseconds(400))
  }
}
