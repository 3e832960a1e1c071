/// When a connection has taken too long: a client that sends or takes byte by byte must not hold a
/// place for ever.
///
/// Knows neither sockets nor a clock. Our own time is not counted: who waits for an answer waits.
struct ConnectionDeadline<Instant: InstantProtocol> {
  struct Limits {
    /// For a request, from the end of its head to its last byte.
    var request: Instant.Duration
    /// For a head to arrive, from the connection's beginning or the last answer's end.
    var idle: Instant.Duration
    /// For the client to take anything of what it is sent.
    var write: Instant.Duration
  }

  private let limits: Limits
  /// Requests whose answer is not complete.
  private var unanswered = 0
  private var headAt: Instant?
  private var restingSince: Instant
  private var unwritten = 0
  private var writingSince: Instant

  init(_ limits: Limits, at now: Instant) {
    self.limits = limits
    restingSince = now
    writingSince = now
  }

  mutating func headArrived(at now: Instant) {
    headAt = now
    unanswered += 1
  }

  mutating func requestEnded() { headAt = nil }

  mutating func writeBegan(at now: Instant) {
    if unwritten == 0 { writingSince = now }
    unwritten += 1
  }

  mutating func writeEnded(at now: Instant) {
    unwritten -= 1
    writingSince = now
    restingSince = now
  }

  mutating func answerEnded(at now: Instant) {
    // The parser's own error is answered without a request.
    unanswered = max(0, unanswered - 1)
    restingSince = now
  }

  /// The instant at which to close it; nil while it is our turn.
  var instant: Instant? {
    var instants: [Instant] = []
    if let headAt { instants.append(headAt.advanced(by: limits.request)) }
    if unwritten > 0 { instants.append(writingSince.advanced(by: limits.write)) }
    if unanswered == 0, unwritten == 0 {
      instants.append(restingSince.advanced(by: limits.idle))
    }
    return instants.min()
  }
}
