/// How many packets a listener's are kept here, because it cannot keep them: a place in the shared history.
///
/// It moves by one packet a second, so that the listener's own buffer can follow. For one thread.
package struct PacketHold: Sendable {
  /// The longest that is held for anybody.
  package static let longest = Duration.seconds(2)
  private static let pause = Duration.seconds(1)

  /// How far behind the newest packet the next one is.
  package private(set) var packets = 0
  private var wanted: Duration
  /// Nothing has been sent yet: any place will do.
  private var isFresh = true
  private var nextMove = HostTime(nanoseconds: 0)

  /// - Parameter hold: what to begin with.
  package init(_ hold: Duration = .zero) { wanted = min(max(hold, .zero), Self.longest) }

  /// Another hold is wanted.
  package mutating func aim(at hold: Duration) { wanted = min(max(hold, .zero), Self.longest) }

  /// The newest packet has come.
  ///
  /// - Parameters:
  ///   - packetFrames: frames at 48 kHz in a packet.
  ///   - available: how many packets there are.
  ///   - now: the present.
  /// - Returns: those that are due, as numbers of packets behind the newest, to be sent from the last one
  ///   down: as a rule one, none where the hold grows, two where it shrinks.
  package mutating func due(
    packetFrames: Int, available: Int, now: HostTime
  ) -> Range<Int> {
    let goal = min((wanted.frames() + packetFrames / 2) / max(1, packetFrames), available - 1)
    let place = isFresh ? goal : min(packets, available - 1)
    isFresh = false
    guard goal != place, now >= nextMove else {
      packets = place
      return place..<place + 1
    }
    nextMove = now + Self.pause
    if goal > place {
      packets = place + 1
      return place..<place
    }
    packets = place - 1
    return place - 1..<place + 1
  }
}
