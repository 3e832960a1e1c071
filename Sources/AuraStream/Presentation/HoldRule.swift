/// How long a listener's packets are kept here: what is missing from the delay that it tells to the
/// broadcast's, where it cannot keep them itself.
package struct HoldRule: Equatable, Sendable {
  /// Less is not corrected: a packet is twice as long.
  private static let deadZone = Duration.milliseconds(10)
  /// As fast as `PacketHold` follows, in seconds a second: what was corrected has come by the next report.
  private static let speed = 0.020
  private static let longestStep = Duration.milliseconds(100)

  package private(set) var hold: Duration
  /// The least delay that would do for the listener, by its last report: without what was held for it,
  /// which it tells as part of its own. Else its need would follow the broadcast's delay, and hold it up.
  package private(set) var needed: Duration?
  /// What was held at the last report: the packets follow.
  private var held: Duration
  private var lastReport: HostTime

  /// - Parameters:
  ///   - hold: what to begin with.
  ///   - since: the instant of the join.
  package init(_ hold: Duration = .zero, since: HostTime) {
    self.hold = hold
    held = hold
    lastReport = since
  }

  /// The hold is another, as the broadcast's plan has led it.
  package mutating func follow(_ hold: Duration) {
    self.hold = hold
    held = hold
  }

  /// A listener has told how late it hears.
  ///
  /// - Parameters:
  ///   - report: what it tells.
  ///   - delay: when it is to hear, after the capture; nil in live mode.
  ///   - now: the present.
  package mutating func take(_ report: ListenerReport, delay: Duration?, now: HostTime) {
    let possible = Duration.nanoseconds(Int64((now - lastReport).inSeconds * Self.speed * 1e9))
    lastReport = now
    held += min(max(hold - held, .zero - possible), possible)
    needed = report.needed.map { report.holds ? $0 : max(.zero, $0 - held) }
    guard let delay, !report.holds else {
      hold = .zero
      return
    }
    guard let heard = report.delay else { return }
    let missing = delay - heard
    guard missing > Self.deadZone || missing < .zero - Self.deadZone else { return }
    let step = min(Self.longestStep, possible)
    // A browser's own buffer moves too, away from packets that are late and slowly back.
    let moved = min(max(missing / 2, .zero - step), step)
    hold = min(max(hold + moved, .zero), min(delay, PacketHold.longest))
  }
}
