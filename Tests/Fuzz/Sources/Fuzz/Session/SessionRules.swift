internal import AuraStream

/// What a listener's session must never do, judged from the outside.
struct SessionRules {
  /// Paths along which a request came that only the listener could have made.
  private(set) var authentic: Set<NetworkPath> = []
  private(set) var isClosed = false
  private(set) var isStarted = false
  /// The last questions it asked us.
  private(set) var questions: [STUNTransaction] = []
  /// What came from the listener and what went out, in bytes, until the handshake was done.
  private var received = 0
  private var sent = 0
  private var learned: Set<NetworkPath> = []

  /// A request of the listener's is about to be given to the session.
  mutating func expect(_ path: NetworkPath) { authentic.insert(path) }

  /// Any datagram is about to be given to the session.
  mutating func willReceive(byteCount: Int, along path: NetworkPath) {
    if authentic.contains(path) { received += byteCount }
  }

  /// Judges one thing that the session wants done.
  mutating func judge(_ output: ListenerSession<StubDTLS>.Output, provedPaths: [NetworkPath]) {
    check(!isClosed, "nothing follows the end")
    switch output {
    case .send(let bytes, let path):
      check(authentic.contains(path), "nothing is sent where no valid check came from")
      check((1...1_200).contains(bytes.count), "a datagram is neither empty nor long")
      if !isStarted { sent += bytes.count }
      check(sent <= 3 * received + 4_096, "at most three bytes for one before the handshake")
      noteQuestion(bytes)
    case .learned(let path):
      check(learned.insert(path).inserted, "a path is learned once")
      check(authentic.contains(path), "a path is proved before it is learned")
    case .forgotten(let path): check(learned.remove(path) != nil, "what is forgotten was known")
    case .started(_, let path):
      check(!isStarted, "it starts once")
      check(provedPaths.contains(path), "media goes where the listener is")
      isStarted = true
    case .signal(let signal):
      check(isStarted, "nobody sends media yet, so nobody is told")
      if case .moved(let path) = signal {
        check(authentic.contains(path), "media moves where the listener is")
      }
    case .closed: isClosed = true
    }
  }

  /// Judges how it stands when all is done that it wanted.
  func judge(_ session: borrowing ListenerSession<StubDTLS>, now: HostTime) {
    let proved = session.provedPaths
    check(Set(proved) == learned, "what is learned and not forgotten is proved")
    check(proved.count <= 8, "paths are bounded")
    check(session.facts.path.map(proved.contains) ?? true, "the path is a proved one")
    check(session.facts.isEstablished == isStarted, "it has started when the handshake is done")
    check(!isClosed || session.deadline == nil, "the end waits for nothing")
    check(isClosed || session.deadline != nil, "no session lasts for ever by itself")
  }

  private mutating func noteQuestion(_ bytes: [UInt8]) {
    guard let message = try? unsafe STUNMessage(parsing: bytes.span.bytes),
      message.kind == .request
    else { return }
    questions = questions.suffix(15) + [message.transaction]
  }
}
