/// Which of film mode's packets a listener is sent first.
package struct PacketStart: Equatable, Sendable {
  /// In live mode, and for whoever finds its time by itself: the newest.
  package static let newest = PacketStart()

  /// What a browser that cannot be told keeps itself, with its output, in packets of 20 ms; measured.
  private static let usual = Duration.milliseconds(110)

  /// How long its packets are kept here from now on, because it cannot keep them.
  package var hold = Duration.zero
  /// How old the first one is. All that came after it follows at once, so that the listener, which plays
  /// on from there, has it in its own buffer, and can ask for what is lost.
  package var backlog = Duration.zero
  /// Whether the hold follows the broadcast's plan, for nobody tells how late the sound is heard.
  package var followsPlan = false
  /// Whether each packet says by which plan it is heard: to who says anything of itself.
  package var tellsPlan: Bool { !followsPlan }

  /// How long packets are kept here for a browser that cannot be told: a little less than what will be
  /// missing, as a rule.
  package static func hold(for delay: Duration) -> Duration { max(.zero, delay - usual) }

  /// Where to begin with somebody.
  ///
  /// - Parameters:
  ///   - keeping: what it says of itself.
  ///   - delay: when it is to hear, after the capture; nil in live mode.
  package init(_ keeping: PacketKeeping = .listener, delay: Duration? = nil) {
    followsPlan = keeping == .unknown
    guard let delay else { return }
    switch keeping {
    case .listener: break
    case .server, .unknown: hold = Self.hold(for: delay)
    case .listenerFromStart(let passing): backlog = max(.zero, delay - passing)
    }
  }
}

/// Who keeps a listener's packets until their time in film mode, as it says itself.
package enum PacketKeeping: Equatable, Sendable {
  /// The server, until the listener tells more: it is a player that knows nothing of film mode.
  case unknown
  /// The listener, which knows the time.
  case listener
  /// The server: the listener can keep none.
  case server
  /// The listener, which plays on from where it began: so long after the first packet has come.
  case listenerFromStart(passing: Duration)
}
