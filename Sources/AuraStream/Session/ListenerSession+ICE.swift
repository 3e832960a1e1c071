extension ListenerSession where DTLS: ~Copyable {
  /// ICE-lite: answers checks, learns from them, and follows the listener (RFC 8445 section 7.3).
  mutating func receiveSTUN(_ datagram: RawSpan, along path: NetworkPath, now: HostTime) {
    guard let message = try? STUNMessage(parsing: datagram),
      message.method == STUNMessage.binding
    else {
      countDrop(\.malformed)
      return
    }
    switch message.kind {
    case .request: answer(message, datagram, along: path, now: now)
    case .success, .error: takeAnswer(message, datagram, along: path, now: now)
    case .indication: countDrop(\.unexpected)
    }
  }

  private mutating func answer(
    _ request: STUNMessage, _ datagram: RawSpan, along path: NetworkPath, now: HostTime
  ) {
    // Strangers get no answer at all, not even an error.
    guard request.username == username,
      request.hasValidIntegrity(
        in: datagram, key: credentials.localPassword, authenticate: authenticate),
      !paths.isReplayed(request.transaction, from: path)
    else {
      countDrop(\.unauthentic)
      return
    }
    countReceived(datagram.byteCount, now: now)
    guard request.notUnderstood.isEmpty else {
      send(.failure(to: request, .unknownAttribute), along: path)
      return
    }
    // A lite agent is always controlled; the other side has to change its mind.
    guard request.controlled == nil else {
      send(.failure(to: request, .roleConflict), along: path)
      return
    }
    let isAwaited = follow(path, isNominated: request.useCandidate, now: now)
    guard let address = IPAddress(bytes: path.remote.addressBytes) else { return }
    let origin = IPEndpoint(address: address, port: path.remote.port)
    send(.success(to: request, from: origin), along: path)
    if isAwaited { send(moves.next(credentials, along: path, now: now), asking: path) }
  }

  /// - Returns: whether media would move there, had the path answered.
  private mutating func follow(_ path: NetworkPath, isNominated: Bool, now: HostTime) -> Bool {
    // A copy can only disturb a handshake: the listener's next check brings it back.
    let change = paths.didCheck(
      path, isNominated: isNominated, mustAnswer: facts.isEstablished, now: now)
    if let learned = change.learned { put(.learned(learned)) }
    if let forgotten = change.forgotten { put(.forgotten(forgotten)) }
    if change.moved { updatePath(path) }
    didHear(along: path, now: now)
    return change.isAwaited
  }

  /// Sends a question of ours; who answers it proves that it is there now.
  mutating func send(_ question: STUNMessage, asking path: NetworkPath) {
    put(.send(question.bytes(key: credentials.remotePassword, authenticate: authenticate), path))
  }

  private mutating func send(_ message: STUNMessage, along path: NetworkPath) {
    let bytes = message.bytes(key: credentials.localPassword, authenticate: authenticate)
    countSent(bytes.count)
    put(.send(bytes, path))
  }

  /// The answer to a question of ours.
  private mutating func takeAnswer(
    _ message: STUNMessage, _ datagram: RawSpan, along path: NetworkPath, now: HostTime
  ) {
    guard
      message.hasValidIntegrity(
        in: datagram, key: credentials.remotePassword, authenticate: authenticate),
      let askedAt = questions.askedAt(message.transaction, along: path)
        ?? moves.askedAt(message.transaction, along: path)
    else {
      countDrop(\.unauthentic)
      return
    }
    if facts.roundTrip == nil { learn(roundTrip: now - askedAt) }
    if paths.didAnswer(path, now: now) {
      updatePath(path)
      put(.signal(.moved(path)))
    }
    didHear(along: path, now: now)
  }
}
