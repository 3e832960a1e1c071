/// How a listener's own session fares.
package struct PlayerFacts: Sendable {
  /// A sender report: the media time of an instant on the server's clock.
  package struct SenderClock: Equatable, Sendable {
    package var ntpTime: NTPTime
    package var rtpTimestamp: UInt32
    /// When the report came, on our clock.
    package var arrivedAt: HostTime
    /// When frames are to be heard, where the server tells.
    package var notice: PresentationNotice?
  }

  package var isEstablished = false
  /// When media could flow.
  package var startedAt: HostTime?
  /// Whether the server is there.
  package var liveness = SenderSignal.Liveness.present
  /// What came of the media.
  package var reception = ReceptionRecord()
  /// The last sender report.
  package var senderClock: SenderClock?
  /// The way there and back: of a check, or better of a report that echoed our clock.
  package var roundTrip: Duration?
  /// Reports sent, and packets asked for again.
  package var reports = 0
  package var requested = 0
  package var drops = SessionDrops()

  package init() {}
}

/// Why a listener's own session has ended.
package enum PlayerEnd: Equatable, Sendable {
  /// No address of the server answered a check.
  case unreachable
  /// It answered checks, but no handshake was made in time.
  case unfinished
  /// The handshake failed; a sentence for the log.
  case handshake(String)
  /// The server said goodbye.
  case goodbye
  /// The server has not answered for 30 s.
  case silent
  /// We ended it.
  case ended
}
