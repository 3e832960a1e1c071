/// What was thrown away, by reason.
package struct SessionDrops: Equatable, Sendable {
  /// It is not what its first byte says.
  package var malformed = 0
  /// Its integrity check, authentication tag or username is false, or it is a copy.
  package var unauthentic = 0
  /// It came along a path that is not proved, or at a time when it makes no sense.
  package var unexpected = 0
  /// Ours: it would have been more than the peer may get before its handshake.
  package var withheld = 0

  package init() {}

  package static func += (sum: inout Self, drops: Self) {
    sum.malformed += drops.malformed
    sum.unauthentic += drops.unauthentic
    sum.unexpected += drops.unexpected
    sum.withheld += drops.withheld
  }
}

/// How the listener fares, as far as it tells.
package struct SessionFacts: Equatable, Sendable {
  package var isEstablished = false
  package var liveness = SenderSignal.Liveness.present
  package var path: NetworkPath?
  package var startedAt: HostTime?
  /// Packets it lost since the beginning; negative when it got more than were new.
  package var lost = 0
  /// The fraction lost, of its last report.
  package var fractionLost = 0.0
  package var jitter: Duration?
  package var roundTrip: Duration?
  package var drops = SessionDrops()

  package init() {}
}

/// Why a session has ended.
package enum CloseReason: Equatable, Sendable {
  /// It got its answer and never came.
  case neverCame
  /// It came, but no handshake was made in time.
  case unfinished
  /// The handshake failed; a sentence for the log.
  case handshake(String)
  /// It said goodbye.
  case left
  /// It has not been heard for 30 s.
  case silent
  /// We ended it.
  case ended
}
