/// How many packets a listener's are kept here, because it cannot keep them: a place in the shared history.
///
/// It moves by one packet a second, so that the listener's own buffer can follow, or at once where the source
/// is silent. For one thread.
package struct PacketHold: Sendable {
  /// The longest that is held for anybody.
  package static let longest = Duration.seconds(2)
  private static let pause = Duration.seconds(1)

  /// How far behind the newest packet the next one is.
  package private(set) var packets = 0
  private var wanted: Duration
  private let backlog: Duration
  /// Nothing has been sent yet: any place will do.
  private var isFresh = true
  private var followsPlan: Bool
  /// The plan that is followed.
  private var plan: UInt8?
  /// All of a move is made in a pause.
  private var isAtPause = false
  private var nextMove = HostTime(nanoseconds: 0)

  /// - Parameter start: what to begin with.
  package init(_ start: PacketStart = .newest) {
    wanted = min(max(start.hold, .zero), Self.longest)
    backlog = min(max(start.backlog, .zero), Self.longest)
    followsPlan = start.followsPlan
  }

  /// Another hold is wanted, and no plan is followed any more.
  package mutating func aim(at hold: Duration) {
    followsPlan = false
    isAtPause = false
    wanted = min(max(hold, .zero), Self.longest)
  }

  /// A packet has come with this plan; of no matter where the plan is not followed.
  package mutating func note(_ notice: PresentationNotice) {
    guard followsPlan, plan != notice.number else { return }
    // The first one is that which was known at the beginning.
    isAtPause = plan != nil && notice.isAtPause
    plan = notice.number
    wanted = notice.mode == .film ? min(PacketStart.hold(for: notice.last), Self.longest) : .zero
  }

  /// The newest packet has come.
  ///
  /// - Parameters:
  ///   - packetFrames: frames at 48 kHz in a packet.
  ///   - available: how many packets there are.
  ///   - now: the present.
  /// - Returns: those that are due, as numbers of packets behind the newest, to be sent from the last one
  ///   down: as a rule one, none where the hold grows, two where it shrinks or all of a pause, and the backlog
  ///   at first.
  package mutating func due(
    packetFrames: Int, available: Int, now: HostTime
  ) -> Range<Int> {
    func count(_ time: Duration) -> Int {
      min((time.frames() + packetFrames / 2) / max(1, packetFrames), available - 1)
    }
    let goal = count(wanted)
    let place = isFresh ? goal : min(packets, available - 1)
    if isFresh {
      isFresh = false
      packets = place
      return place..<max(place, count(backlog)) + 1
    }
    if goal == place { isAtPause = false }
    guard goal != place, now >= nextMove || isAtPause else {
      packets = place
      return place..<place + 1
    }
    nextMove = now + Self.pause
    if isAtPause, goal < place {
      isAtPause = false
      packets = goal
      return goal..<place + 1
    }
    if goal > place {
      packets = place + 1
      return place..<place
    }
    packets = place - 1
    return place - 1..<place + 1
  }
}
