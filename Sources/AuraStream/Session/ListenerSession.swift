/// One listener's connection, all but the media: ICE-lite, DTLS, feedback, life and death.
///
/// Does no I/O and never reads a clock: feed it datagrams and the time, then drain `nextOutput`,
/// and call `timeout` when `deadline` has come. For one thread. Nothing leaves before a request
/// with valid integrity has come, and then only along the path it came.
package struct ListenerSession<DTLS: DTLSEngine & ~Copyable>: ~Copyable {
  /// What is to be done.
  package enum Output: Sendable {
    case send([UInt8], NetworkPath)
    /// The path is the listener's: datagrams that come along it are for this session.
    case learned(NetworkPath)
    case forgotten(NetworkPath)
    /// The handshake is done: media may flow.
    case started(DTLS.Keys, NetworkPath)
    /// For the thread that sends media; only after `started`.
    case signal(SenderSignal)
    /// Nothing follows.
    case closed(CloseReason)
  }

  static var joinPatience: Duration { .seconds(15) }
  static var mediaPatience: Duration { .seconds(4) }
  static var consentPatience: Duration { .seconds(30) }
  /// Browsers may keep quiet for five seconds and more: whoever has been quiet for this long is asked.
  static var questionPatience: Duration { .milliseconds(1_500) }
  static var doubtPatience: Duration { .seconds(2) }
  /// Before the handshake proves that the peer receives, it gets three bytes for each of its own and
  /// these: a server's flight.
  static var unprovedAllowance: Int { 4_096 }

  package let ssrc: UInt32
  package private(set) var facts = SessionFacts()

  let credentials: SessionCredentials
  let authenticate: STUNAuthenticator
  let makeDTLS: () -> DTLS?
  let username: [UInt8]
  var dtls: DTLS?
  var paths = PathBook()
  var questions = ConsentQuestions()
  /// Those to who wants media elsewhere: however many they are, they push out none of the others.
  var moves = ConsentQuestions()
  private var outputs: [Output] = []
  private var nextOutputIndex = 0
  private let createdAt: HostTime
  private var verifiedAt: HostTime?
  private var nextQuestion: HostTime?
  private var handshakeDeadline: HostTime?
  private var isClosed = false
  private var bytesReceived = 0
  private var bytesSent = 0

  /// A session that has sent its answer and waits for the listener's first request.
  ///
  /// - Parameters:
  ///   - credentials: of both sides.
  ///   - ssrc: of the media it will be sent.
  ///   - now: the present.
  ///   - authenticate: HMAC-SHA1.
  ///   - makeDTLS: makes the engine when the first handshake datagram comes; nil when it cannot.
  package init(
    _ credentials: SessionCredentials, ssrc: UInt32, now: HostTime,
    authenticate: @escaping STUNAuthenticator, makeDTLS: @escaping () -> DTLS?
  ) {
    self.credentials = credentials
    self.ssrc = ssrc
    self.authenticate = authenticate
    self.makeDTLS = makeDTLS
    username = credentials.localFragment + [UInt8(ascii: ":")] + credentials.remoteFragment
    questions = ConsentQuestions(nonce: credentials.nonce)
    moves = ConsentQuestions(nonce: ~credentials.nonce)
    createdAt = now
  }

  /// Whether it has begun a handshake; joins that have not cost little.
  package var hasBegunHandshake: Bool { dtls != nil }

  /// Every path it has proved to be behind.
  package var provedPaths: [NetworkPath] { paths.all }

  // MARK: Input

  /// Takes a datagram.
  ///
  /// - Parameters:
  ///   - datagram: as it came.
  ///   - path: along which it came.
  ///   - mayBeginHandshake: whether there is time for one; if not, its first datagram is dropped, and
  ///     the peer will send it again.
  ///   - now: when it came.
  package mutating func receive(
    _ datagram: RawSpan, along path: NetworkPath, mayBeginHandshake: Bool = true, now: HostTime
  ) {
    guard !isClosed else { return }
    switch DatagramKind(of: datagram) {
    case .stun:
      receiveSTUN(datagram, along: path, now: now)
    case .dtls:
      guard paths.contains(path), dtls != nil || mayBeginHandshake else {
        facts.drops.unexpected += 1
        return
      }
      bytesReceived += datagram.byteCount
      receiveHandshake(datagram, now: now)
    case .rtcp:
      receiveFeedback(datagram, along: path, now: now)
    case .rtp, .unknown:
      facts.drops.unexpected += 1
    }
  }

  /// Ends the session from our side.
  package mutating func close() {
    guard !isClosed else { return }
    dtls?.close()
    drainHandshake()
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

  // MARK: Handshake

  private mutating func receiveHandshake(_ datagram: RawSpan, now: HostTime) {
    if dtls == nil {
      guard let engine = makeDTLS() else {
        close(.handshake("no handshake could be begun"))
        return
      }
      dtls = consume engine
    }
    let wasEstablished = facts.isEstablished
    let outputs = outputs.count
    dtls?.receive(datagram, now: now)
    followHandshake(now: now)
    // Neither a repeated flight, which is answered, nor a goodbye.
    if wasEstablished, outputs == self.outputs.count { facts.drops.unexpected += 1 }
  }

  private mutating func followHandshake(now: HostTime) {
    drainHandshake()
    handshakeDeadline = dtls?.deadline
    guard let progress = dtls?.progress else { return }
    switch progress {
    case .handshaking: break
    case .established(let keys):
      guard !facts.isEstablished, let path = paths.selected else { break }
      facts.isEstablished = true
      facts.startedAt = now
      nextQuestion = paths.selectedHeardAt + Self.questionPatience
      put(.started(keys, path))
    case .failed(let reason): close(.handshake(reason))
    case .closed: close(.left)
    }
  }

  private mutating func drainHandshake() {
    while let datagram = dtls?.nextDatagram() {
      guard let path = paths.selected, maySend(datagram.count) else {
        facts.drops.withheld += 1
        continue
      }
      bytesSent += datagram.count
      put(.send(datagram, path))
    }
  }

  private func maySend(_ count: Int) -> Bool {
    facts.isEstablished || bytesSent + count <= 3 * bytesReceived + Self.unprovedAllowance
  }

  // MARK: Time

  /// When `timeout` wants to be called, at the latest.
  package var deadline: HostTime? {
    guard !isClosed else { return nil }
    var next = handshakeDeadline
    func consider(_ time: HostTime?) {
      if let time, next.map({ time < $0 }) ?? true { next = time }
    }
    guard facts.isEstablished else {
      consider((verifiedAt ?? createdAt) + Self.joinPatience)
      return next
    }
    consider(nextQuestion)
    let heard = paths.selectedHeardAt
    switch facts.liveness {
    case .present: consider(heard + Self.doubtPatience)
    case .doubtful: consider(heard + Self.mediaPatience)
    case .silent: consider(heard + Self.consentPatience)
    }
    return next
  }

  /// Does what time demands; early calls do no harm.
  package mutating func timeout(now: HostTime) {
    guard !isClosed else { return }
    if let due = handshakeDeadline, now >= due {
      dtls?.timeout(now: now)
      followHandshake(now: now)
    }
    guard !isClosed else { return }
    guard facts.isEstablished else {
      if now - (verifiedAt ?? createdAt) >= Self.joinPatience {
        close(verifiedAt == nil ? .neverCame : .unfinished)
      }
      return
    }
    let silence = now - paths.selectedHeardAt
    if silence >= Self.consentPatience {
      close(.silent)
      return
    }
    setLiveness(
      silence >= Self.mediaPatience
        ? .silent : silence >= Self.doubtPatience ? .doubtful : .present)
    if let due = nextQuestion, now >= due { ask(now: now) }
  }

  /// Asks a quiet listener whether it is there: a check of our own, which every full ICE agent answers
  /// although we need not make any (RFC 7675 section 5.1 counts on ours only).
  private mutating func ask(now: HostTime) {
    let silence = now - paths.selectedHeardAt
    guard silence >= Self.questionPatience else {
      nextQuestion = paths.selectedHeardAt + Self.questionPatience
      return
    }
    nextQuestion =
      now + (silence < Self.mediaPatience ? .milliseconds(500) : .seconds(2))
    guard let path = paths.selected else { return }
    send(questions.next(credentials, along: path, now: now), asking: path)
  }

  // MARK: What the extensions need

  mutating func put(_ output: Output) {
    // What an RTCP datagram says behind its goodbye comes here too.
    if !isClosed { outputs.append(output) }
  }

  mutating func close(_ reason: CloseReason) {
    put(.closed(reason))
    isClosed = true
  }

  mutating func countDrop(_ kind: WritableKeyPath<SessionDrops, Int>) {
    facts.drops[keyPath: kind] += 1
  }

  mutating func countReceived(_ count: Int, now: HostTime) {
    bytesReceived += count
    if verifiedAt == nil { verifiedAt = now }
  }

  mutating func countSent(_ count: Int) {
    bytesSent += count
  }

  mutating func updatePath(_ path: NetworkPath) {
    facts.path = path
  }

  /// The listener is there.
  mutating func didHear(along path: NetworkPath, now: HostTime) {
    guard paths.didHear(along: path, now: now), facts.isEstablished else { return }
    setLiveness(.present)
  }

  mutating func learn(roundTrip: Duration) {
    facts.roundTrip = roundTrip
  }

  mutating func learn(_ report: ReportBlock, roundTrip: Duration?) {
    facts.lost = Int(report.cumulativeLost)
    facts.fractionLost = Double(report.fractionLost) / 256
    facts.jitter = .nanoseconds(
      Int64(report.jitter) * 1_000_000_000 / Int64(MediaTime.rate))
    if let roundTrip { facts.roundTrip = roundTrip }
  }

  private mutating func setLiveness(_ liveness: SenderSignal.Liveness) {
    guard liveness != facts.liveness else { return }
    facts.liveness = liveness
    put(.signal(.liveness(liveness)))
  }
}
