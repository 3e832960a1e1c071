/// A listener's own connection to a server: ICE, DTLS, media in, reports out, life and death.
///
/// Does no I/O and never reads a clock: feed it datagrams and the time, then drain `nextOutput`, and
/// call `timeout` when `deadline` has come. For one thread. Allocates nothing for a packet of media.
package struct PlayerSession<DTLS: PlayerEngine & ~Copyable>: ~Copyable {
  /// What the answer has agreed on.
  package struct Parameters: Sendable {
    package var credentials: SessionCredentials
    /// Where the server can be reached; not empty.
    package var candidates: [ICECandidate]
    /// Payload types that are media for us.
    package var payloadType: UInt8, redundantPayloadType: UInt8?
    /// The source of the media, where it is told; else that of the first packet.
    package var mediaSSRC: UInt32?
    package var answersNACK: Bool
    package var echoesReferenceTime: Bool
    package var hasReducedSizeRTCP: Bool
    /// The source we report as; random.
    package var ssrc: UInt32
    /// Our lasting name in reports; random.
    package var cname: String
    /// Whether media is verified and decrypted, or only counted by its header.
    package var opensMedia = true

    /// - Parameters:
    ///   - answer: what the server answered.
    ///   - credentials: of both sides.
    ///   - ssrc: the source we report as.
    ///   - cname: our lasting name in reports.
    package init(
      _ answer: PlayerAnswer, credentials: SessionCredentials, ssrc: UInt32, cname: String
    ) {
      self.credentials = credentials
      candidates = answer.candidates
      payloadType = answer.payloadType
      redundantPayloadType = answer.redPayloadType
      mediaSSRC = answer.ssrc
      answersNACK = answer.answersNACK
      echoesReferenceTime = answer.echoesReferenceTime
      hasReducedSizeRTCP = answer.hasReducedSizeRTCP
      self.ssrc = ssrc
      self.cname = cname
    }
  }

  /// What is to be done.
  package enum Output: Sendable {
    case send([UInt8], Endpoint)
    /// The handshake is done: media may come.
    case started(DTLS.Keys)
    /// Whether the server is there. After `doubtful`, joining anew may be quicker than waiting.
    case liveness(SenderSignal.Liveness)
    /// The server has told its time; and, where it echoed our clock along with that, the echo.
    case told(PlayerFacts.SenderClock, echo: DelaySinceReference.Report?)
    /// Nothing follows.
    case closed(PlayerEnd)
  }

  /// How long a way to the server is looked for, and how long all of a join may take.
  static var wayPatience: Duration { .seconds(6) }
  static var joinPatience: Duration { .seconds(15) }
  static var silencePatience: Duration { .seconds(4) }

  package let parameters: Parameters
  package internal(set) var facts = PlayerFacts()

  let makeDTLS: (HostTime) -> DTLS?
  var dtls: DTLS?
  var agent: PlayerAgent
  var mediaSSRC: UInt32?
  var nextReport: HostTime?
  private var outputs: [Output] = []
  private var nextOutputIndex = 0
  private let createdAt: HostTime
  private var handshakeDeadline: HostTime?
  private var isClosed = false

  /// A session that has the server's answer and begins to look for it.
  ///
  /// - Parameters:
  ///   - parameters: what was agreed on.
  ///   - now: the present.
  ///   - authenticate: HMAC-SHA1.
  ///   - makeDTLS: makes the engine once there is a way; nil when it cannot. A client's has its first
  ///     datagram ready.
  package init(
    _ parameters: Parameters, now: HostTime, authenticate: @escaping STUNAuthenticator,
    makeDTLS: @escaping (HostTime) -> DTLS?
  ) {
    self.parameters = parameters
    self.makeDTLS = makeDTLS
    agent = PlayerAgent(
      parameters.credentials, candidates: parameters.candidates, now: now,
      authenticate: authenticate)
    mediaSSRC = parameters.mediaSSRC
    createdAt = now
  }

  /// The server's end of the way that is used.
  package var remote: Endpoint? { agent.selected }

  /// When something authentic last came from the server.
  package var heardAt: HostTime { agent.heardAt }

  // MARK: Input

  /// Takes a datagram; afterwards drain `nextOutput`.
  ///
  /// - Parameters:
  ///   - datagram: as it came; media is decrypted in place.
  ///   - remote: where it came from.
  ///   - now: when it came.
  /// - Returns: the header of media that is new; its payload lies in `datagram`. When media is only
  ///   counted, the payload is encrypted and its range reaches to the datagram's end.
  package mutating func receive(
    _ datagram: UnsafeMutableRawBufferPointer, from remote: Endpoint, now: HostTime
  ) -> RTPHeader? {
    guard !isClosed else { return nil }
    let bytes = UnsafeRawBufferPointer(datagram)
    switch unsafe DatagramKind(of: bytes.bytes) {
    case .rtp: return unsafe receiveMedia(datagram, from: remote, now: now)
    case .stun:
      unsafe agent.receive(bytes.bytes, from: remote, now: now)
      follow(now: now)
    case .dtls:
      unsafe receiveHandshake(bytes.bytes, from: remote, now: now)
    case .rtcp:
      unsafe receiveReports(bytes.bytes, from: remote, now: now)
    case .unknown: facts.drops.unexpected += 1
    }
    return nil
  }

  /// Does what time demands; early calls do no harm. Call it once at the beginning.
  package mutating func timeout(now: HostTime) {
    guard !isClosed else { return }
    agent.advance(now: now)
    if let due = handshakeDeadline, now >= due { dtls?.timeout(now: now) }
    follow(now: now)
    guard !isClosed else { return }
    guard facts.isEstablished else {
      if agent.selected == nil, now - createdAt >= Self.wayPatience {
        close(.unreachable)
      } else if now - createdAt >= Self.joinPatience {
        close(.unfinished)
      }
      return
    }
    if now - agent.consentAt >= PlayerAgent.consentPatience {
      close(.silent)
      return
    }
    followLiveness(now: now)
    if let due = nextReport, now >= due { report(now: now) }
  }

  /// Our own address may have changed, or the network has come back: asks the server at once.
  package mutating func networkChanged(now: HostTime) {
    guard !isClosed else { return }
    agent.askNow(now: now)
    timeout(now: now)
  }

  /// Says goodbye and ends the session; afterwards drain `nextOutput`.
  package mutating func close() {
    guard !isClosed else { return }
    sayGoodbye()
    dtls?.close()
    drain()
    close(.ended)
  }

  /// What is to be done next; drain it to nil after every input.
  package mutating func nextOutput() -> Output? {
    guard nextOutputIndex < outputs.count else {
      outputs.removeAll(keepingCapacity: true)
      nextOutputIndex = 0
      return nil
    }
    defer { nextOutputIndex += 1 }
    return outputs[nextOutputIndex]
  }

  /// Whether there is anything to drain.
  package var hasOutput: Bool { nextOutputIndex < outputs.count }

  /// When `timeout` wants to be called, at the latest.
  package var deadline: HostTime? {
    guard !isClosed else { return nil }
    var next = agent.deadline
    func consider(_ time: HostTime?) { if let time { next = min(next, time) } }
    consider(handshakeDeadline)
    guard facts.isEstablished else {
      consider(createdAt + (agent.selected == nil ? Self.wayPatience : Self.joinPatience))
      return next
    }
    consider(nextReport)
    switch facts.liveness {
    case .present: consider(agent.heardAt + PlayerAgent.doubtPatience)
    case .doubtful: consider(agent.heardAt + Self.silencePatience)
    case .silent: break
    }
    return next
  }

  // MARK: Handshake

  private mutating func receiveHandshake(
    _ datagram: RawSpan, from remote: Endpoint, now: HostTime
  ) {
    guard agent.isValid(remote), dtls != nil else {
      facts.drops.unexpected += 1
      return
    }
    dtls?.receive(datagram, now: now)
    follow(now: now)
  }

  /// Passes on what the agent and the handshake have made.
  private mutating func follow(now: HostTime) {
    if agent.selected != nil, dtls == nil {
      guard let engine = makeDTLS(now) else {
        close(.handshake("no handshake could be begun"))
        return
      }
      dtls = consume engine
    }
    if facts.roundTrip == nil { facts.roundTrip = agent.roundTrip }
    drain()
    handshakeDeadline = dtls?.deadline
    followLiveness(now: now)
    guard let progress = dtls?.progress else { return }
    switch progress {
    case .handshaking: break
    case .established(let keys):
      guard !facts.isEstablished else { break }
      facts.isEstablished = true
      facts.startedAt = now
      nextReport = now + firstReportDelay
      put(.started(keys))
    case .failed(let reason): close(.handshake(reason))
    case .closed: close(.goodbye)
    }
  }

  private mutating func drain() {
    for (bytes, remote) in agent.outgoing { put(.send(bytes, remote)) }
    agent.outgoing.removeAll(keepingCapacity: true)
    while let datagram = dtls?.nextDatagram() {
      if let remote = agent.selected { put(.send(datagram, remote)) }
    }
  }

  // MARK: What the extensions need

  mutating func put(_ output: Output) {
    // A goodbye may stand beside a report: nothing follows the end.
    if !isClosed { outputs.append(output) }
  }

  mutating func close(_ end: PlayerEnd) {
    guard !isClosed else { return }
    put(.closed(end))
    isClosed = true
  }

  /// Something authentic came.
  mutating func didHear(now: HostTime) {
    agent.didHear(now: now)
    if facts.liveness != .present { followLiveness(now: now) }
  }

  private mutating func followLiveness(now: HostTime) {
    guard facts.isEstablished else { return }
    let silence = now - agent.heardAt
    let liveness: SenderSignal.Liveness =
      silence >= Self.silencePatience
      ? .silent : silence >= PlayerAgent.doubtPatience ? .doubtful : .present
    guard liveness != facts.liveness else { return }
    facts.liveness = liveness
    put(.liveness(liveness))
  }
}
