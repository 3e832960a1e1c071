/// The listener's ICE agent: full, and controlling unless the server insists (RFC 8445, RFC 7675).
///
/// It has one socket for each address family and lets the system choose the way, so a pair is known
/// by the server's end alone. Does no I/O and reads no clock. For one thread.
struct PlayerAgent {
  /// A way to the server.
  struct Pair {
    enum State { case waiting, checking, valid }

    let remote: Endpoint
    var priority: UInt32
    var state = State.waiting
    var nextCheck: HostTime?
    var wait = PlayerAgent.firstWait
    /// A controlling server has chosen it.
    var isChosenByPeer = false
  }

  /// A request that may still be answered.
  private struct Question {
    var transaction: STUNTransaction
    var remote: Endpoint
    var askedAt: HostTime
    var nominates: Bool
    var wasControlling: Bool
  }

  /// New checks are this far apart (Ta of RFC 8445 section 14.2).
  static let pace = Duration.milliseconds(50)
  /// How long an answer is awaited at first, then twice as long each time. Servers are near.
  static let firstWait = Duration.milliseconds(100)
  static let longestWait = Duration.milliseconds(1_600)
  /// How long a pair that works waits for a better one.
  static let nominationPatience = Duration.milliseconds(100)
  /// Whoever has been silent for this long is asked, this often.
  static let questionPatience = Duration.milliseconds(500)
  /// After this much silence other ways are tried.
  static let doubtPatience = Duration.milliseconds(1_500)
  /// Without an answer for this long nothing more may be sent (RFC 7675 section 5.1).
  static let consentPatience = Duration.seconds(30)
  static let mostPairs = 64
  private static let mostQuestions = 128
  /// What a candidate of ours would be worth that the server learns from a check.
  private static let priority: UInt32 = 110 << 24 | 65_535 << 8 | 255

  let credentials: SessionCredentials
  let authenticate: STUNAuthenticator
  private let ownUsername: [UInt8]
  private let peerUsername: [UInt8]
  let tieBreaker: UInt64

  private(set) var isControlling = true
  private(set) var pairs: [Pair] = []
  /// The way that is used, once one is.
  private(set) var selected: Endpoint?
  /// When something authentic last came from the server.
  private(set) var heardAt: HostTime
  /// When the server last answered a check.
  private(set) var consentAt: HostTime
  private(set) var roundTrip: Duration?
  var drops = SessionDrops()
  /// Datagrams to send; whoever drives takes them.
  var outgoing: [(bytes: [UInt8], remote: Endpoint)] = []

  private var questions: [Question] = []
  private var random: UInt64
  private var nextPace: HostTime
  private var firstValidAt: HostTime?
  private var nominee: Endpoint?
  private var nextNomination: HostTime?
  private var askedAt: HostTime
  private var nextQuestion: HostTime
  private var isSearching = true

  init(
    _ credentials: SessionCredentials, candidates: [ICECandidate], now: HostTime,
    authenticate: @escaping STUNAuthenticator
  ) {
    self.credentials = credentials
    self.authenticate = authenticate
    let colon = [UInt8(ascii: ":")]
    ownUsername = credentials.localFragment + colon + credentials.remoteFragment
    peerUsername = credentials.remoteFragment + colon + credentials.localFragment
    tieBreaker = ~credentials.nonce
    random = credentials.nonce
    (heardAt, consentAt, nextPace, askedAt, nextQuestion) = (now, now, now, now, now)
    for candidate in candidates {
      add(
        Endpoint(candidate.endpoint.address, port: candidate.endpoint.port),
        priority: candidate.priority)
    }
  }

  /// Whether the server has proved to be behind this endpoint.
  func isValid(_ remote: Endpoint) -> Bool {
    remote == selected || pairs.contains { $0.remote == remote && $0.state == .valid }
  }

  /// Something authentic came from the server.
  mutating func didHear(now: HostTime) { heardAt = max(heardAt, now) }

  /// Our own address may have changed: the server learns it from a check.
  mutating func askNow(now: HostTime) { nextQuestion = now }

  private mutating func add(_ remote: Endpoint, priority: UInt32) {
    guard pairs.count < Self.mostPairs, !pairs.contains(where: { $0.remote == remote }) else {
      return
    }
    pairs.append(Pair(remote: remote, priority: priority))
    pairs.sort { $0.priority > $1.priority }
  }

  private func place(of remote: Endpoint) -> Int? { pairs.firstIndex { $0.remote == remote } }

  /// A number that follows from the nonce (SplitMix64).
  private mutating func nextRandom() -> UInt64 {
    random &+= 0x9e37_79b9_7f4a_7c15
    var mixed = random
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  // MARK: Time

  /// When `advance` wants to be called, at the latest.
  var deadline: HostTime {
    var next = consentAt + Self.consentPatience
    func consider(_ time: HostTime?) { if let time { next = min(next, time) } }
    if isSearching {
      if pairs.contains(where: { $0.state == .waiting }) { consider(nextPace) }
      for pair in pairs where pair.state == .checking { consider(pair.nextCheck) }
      consider(nextNomination)
      if nominee == nil, let firstValidAt { consider(firstValidAt + Self.nominationPatience) }
    }
    if selected != nil {
      consider(questionDue)
      if !isSearching, pairs.count > 1 { consider(heardAt + Self.doubtPatience) }
    }
    return next
  }

  /// Does what time demands; early calls do no harm.
  mutating func advance(now: HostTime) {
    if selected != nil { keepConsent(now: now) }
    guard isSearching else { return }
    for index in pairs.indices where pairs[index].state == .checking {
      if let due = pairs[index].nextCheck, now >= due { check(index, now: now) }
    }
    if now >= nextPace, let index = pairs.firstIndex(where: { $0.state == .waiting }) {
      nextPace = now + Self.pace
      pairs[index].state = .checking
      check(index, now: now)
    }
    nominate(now: now)
  }

  private mutating func check(_ index: Int, now: HostTime) {
    pairs[index].nextCheck = now + pairs[index].wait
    pairs[index].wait = min(pairs[index].wait * 2, Self.longestWait)
    ask(pairs[index].remote, nominates: false, now: now)
  }

  /// Asks a silent server often, any other every five seconds, more or less.
  private mutating func keepConsent(now: HostTime) {
    if now - heardAt >= Self.doubtPatience, !isSearching, pairs.count > 1 { search(now: now) }
    guard now >= questionDue, let selected else { return }
    scheduleQuestion(now: now)
    // Repeating the choice does no harm, and tells a server that has our new address only.
    ask(selected, nominates: isControlling, now: now)
  }

  /// In 4 to 6 s; earlier if the server falls silent.
  private mutating func scheduleQuestion(now: HostTime) {
    askedAt = now
    nextQuestion = now + .milliseconds(4_000 + Int(nextRandom() % 2_000))
  }

  private var questionDue: HostTime {
    min(nextQuestion, max(heardAt, askedAt) + Self.questionPatience)
  }

  /// The way that was used is dead, perhaps: tries them all.
  private mutating func search(now: HostTime) {
    isSearching = true
    (firstValidAt, nominee, nextNomination, nextPace) = (nil, nil, nil, now)
    for index in pairs.indices {
      pairs[index].state = .waiting
      pairs[index].wait = Self.firstWait
    }
  }

  // MARK: Choice

  private mutating func nominate(now: HostTime) {
    if let chosen = pairs.first(where: { $0.isChosenByPeer && $0.state == .valid }) {
      select(chosen.remote, now: now)
      return
    }
    guard isControlling, let best = pairs.firstIndex(where: { $0.state == .valid }) else { return }
    let since = firstValidAt ?? now
    firstValidAt = since
    guard best == 0 || now - since >= Self.nominationPatience else { return }
    let remote = nominee ?? pairs[best].remote
    if nominee == nil || nextNomination.map({ now >= $0 }) == true {
      let wait = nominee == nil ? Self.firstWait : Self.nominationPatience * 2
      nominee = remote
      nextNomination = now + wait
      ask(remote, nominates: true, now: now)
    }
  }

  private mutating func select(_ remote: Endpoint, now: HostTime) {
    selected = remote
    isSearching = false
    (nominee, nextNomination, firstValidAt) = (nil, nil, nil)
    scheduleQuestion(now: now)
    for index in pairs.indices {
      pairs[index].isChosenByPeer = false
      if pairs[index].state == .checking { pairs[index].state = .waiting }
    }
  }

  // MARK: Questions

  private mutating func ask(_ remote: Endpoint, nominates: Bool, now: HostTime) {
    let transaction = STUNTransaction(
      high: UInt32(truncatingIfNeeded: nextRandom()), low: nextRandom())
    if questions.count == Self.mostQuestions { questions.removeFirst() }
    questions.append(
      Question(
        transaction: transaction, remote: remote, askedAt: now, nominates: nominates,
        wasControlling: isControlling))
    var request = STUNMessage(kind: .request, transaction: transaction)
    request.username = peerUsername
    request.priority = Self.priority
    request.useCandidate = nominates
    if isControlling { request.controlling = tieBreaker } else { request.controlled = tieBreaker }
    outgoing.append(
      (request.bytes(key: credentials.remotePassword, authenticate: authenticate), remote))
  }

  /// Takes a STUN datagram.
  mutating func receive(_ datagram: RawSpan, from remote: Endpoint, now: HostTime) {
    guard let message = try? STUNMessage(parsing: datagram),
      message.method == STUNMessage.binding
    else {
      drops.malformed += 1
      return
    }
    switch message.kind {
    case .request: answer(message, datagram, from: remote, now: now)
    case .success, .error: takeAnswer(message, datagram, from: remote, now: now)
    case .indication: drops.unexpected += 1
    }
  }

  private mutating func takeAnswer(
    _ message: STUNMessage, _ datagram: RawSpan, from remote: Endpoint, now: HostTime
  ) {
    guard
      message.hasValidIntegrity(
        in: datagram, key: credentials.remotePassword, authenticate: authenticate),
      let place = questions.firstIndex(where: { $0.transaction == message.transaction }),
      // RFC 8445 section 7.2.5.2.1: an answer from elsewhere proves nothing.
      questions[place].remote == remote
    else {
      drops.unauthentic += 1
      return
    }
    let question = questions.remove(at: place)
    guard message.kind == .success else {
      takeError(message, question, now: now)
      return
    }
    roundTrip = now - question.askedAt
    consentAt = now
    didHear(now: now)
    if let index = self.place(of: remote) {
      pairs[index].state = .valid
      pairs[index].wait = Self.firstWait
    }
    if question.nominates, isControlling, remote != selected || isSearching {
      select(remote, now: now)
    } else if isSearching {
      nominate(now: now)
    }
  }

  private mutating func takeError(_ message: STUNMessage, _ question: Question, now: HostTime) {
    guard message.errorCode?.number == STUNMessage.ErrorCode.roleConflict.number else { return }
    // Both believed the same; the server has the greater number.
    if isControlling == question.wasControlling { setControlling(!question.wasControlling) }
    if let index = place(of: question.remote), pairs[index].state != .valid {
      pairs[index].state = .waiting
      nextPace = now
    }
  }

  private mutating func setControlling(_ controlling: Bool) {
    isControlling = controlling
    (nominee, nextNomination) = (nil, nil)
  }

  // MARK: Checks of a full server

  private mutating func answer(
    _ request: STUNMessage, _ datagram: RawSpan, from remote: Endpoint, now: HostTime
  ) {
    // Strangers get no answer at all, not even an error.
    guard request.username == ownUsername,
      request.hasValidIntegrity(
        in: datagram, key: credentials.localPassword, authenticate: authenticate)
    else {
      drops.unauthentic += 1
      return
    }
    didHear(now: now)
    guard request.notUnderstood.isEmpty else {
      reply(.failure(to: request, .unknownAttribute), to: remote)
      return
    }
    guard settleRoles(request) else {
      reply(.failure(to: request, .roleConflict), to: remote)
      return
    }
    add(remote, priority: request.priority ?? 0)
    if let index = place(of: remote) {
      if request.useCandidate, !isControlling { pairs[index].isChosenByPeer = true }
      // What reached us may lead back: asked at once (RFC 8445 section 7.3.1.4).
      if isSearching, pairs[index].state != .valid {
        pairs[index].state = .checking
        check(index, now: now)
      }
      if pairs[index].isChosenByPeer, pairs[index].state == .valid,
        remote != selected || isSearching
      {
        select(remote, now: now)
      }
    }
    guard let address = IPAddress(bytes: remote.addressBytes) else { return }
    reply(.success(to: request, from: IPEndpoint(address: address, port: remote.port)), to: remote)
  }

  /// RFC 8445 section 7.3.1.1: the greater number wins.
  ///
  /// - Returns: false when the peer has to change its mind.
  private mutating func settleRoles(_ request: STUNMessage) -> Bool {
    if isControlling, let theirs = request.controlling {
      if tieBreaker >= theirs { return false }
      setControlling(false)
    } else if !isControlling, let theirs = request.controlled {
      if tieBreaker < theirs { return false }
      setControlling(true)
    }
    return true
  }

  private mutating func reply(_ message: STUNMessage, to remote: Endpoint) {
    outgoing.append(
      (message.bytes(key: credentials.localPassword, authenticate: authenticate), remote))
  }
}
