/// What a listener's session tells the thread that sends to the listener.
package enum SenderSignal: Equatable, Sendable {
  /// Media goes along another path from now on.
  case moved(NetworkPath)
  /// Whether the listener is there.
  case liveness(Liveness)
  /// The listener misses a packet and those after it whose bits are set, from the lowest on.
  case missing(sequenceNumber: UInt16, following: UInt16)
  /// The listener reported: the fraction lost in 1/256, and the round trip where it can be told.
  case reported(fractionLost: UInt8, roundTrip: Duration?)
  /// The listener wants the middle 32 bits of its clock echoed, with the time since `at`.
  case asked(ssrc: UInt32, middle: UInt32, at: HostTime)
  /// How long packets are to be kept here for the listener, because it cannot.
  case hold(Duration)

  /// Whether a listener is there.
  package enum Liveness: Equatable, Sendable {
    /// Heard a moment ago.
    case present
    /// Not heard for a while: it may have gone. Its packets must not be in others' way.
    case doubtful
    /// Not heard for so long that sending stops until it is heard again.
    case silent
  }
}
