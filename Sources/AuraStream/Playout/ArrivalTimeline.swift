/// When frames come at the earliest: the timeline of a sender that tells nothing about its clock.
///
/// Of every second the earliest packet is taken, and a smooth line is laid through these: it follows
/// the sender's drift and is not moved by jitter. When everything comes much later or earlier for a
/// while (another way through the network, a computer that slept), the line begins anew.
package struct ArrivalTimeline: Sendable {
  /// Arrivals further off than this for as long as `patience` say that the line is wrong.
  package static let farthest = Duration.milliseconds(250)
  private static let patience = Duration.milliseconds(300)
  private static let interval = Duration.seconds(1)

  private var fit = TimelineFit()
  private var first: TimelineLine?
  private var earliest: (media: MediaTime, at: HostTime, lateness: Duration)?
  private var intervalEnd: HostTime?
  private var strays: (since: HostTime, media: MediaTime, at: HostTime, isLate: Bool)?

  /// Times the line began anew because it was wrong.
  package private(set) var restarts = 0

  package init() {}

  /// The line; nil before the first arrival.
  package var line: TimelineLine? { fit.current ?? first }

  /// Takes note of an arrival.
  ///
  /// - Parameters:
  ///   - media: the packet's first frame.
  ///   - now: when it came.
  /// - Returns: whether the line has begun anew.
  package mutating func insert(_ media: MediaTime, at now: HostTime) -> Bool {
    guard let line else {
      begin(media, at: now)
      return false
    }
    let lateness = now - line.instant(of: media)
    if lateness > Self.farthest || lateness < .zero - Self.farthest {
      return noteStray(media, at: now, lateness: lateness)
    }
    strays = nil
    // Before anything smooth is known, the earliest is known.
    if fit.current == nil, lateness < .zero { first = TimelineLine(media: media, host: now) }
    if earliest.map({ lateness < $0.lateness }) ?? true { earliest = (media, now, lateness) }
    closeInterval(now)
    return false
  }

  private mutating func closeInterval(_ now: HostTime) {
    guard let end = intervalEnd, now >= end, let earliest else { return }
    fit.update(media: earliest.media, at: earliest.at)
    self.earliest = nil
    intervalEnd = now + Self.interval
  }

  /// What comes together after a freeze is late for a moment only; so lateness must last.
  private mutating func noteStray(
    _ media: MediaTime, at now: HostTime, lateness: Duration
  ) -> Bool {
    let isLate = lateness > .zero
    guard var seen = strays, seen.isLate == isLate else {
      strays = (now, media, now, isLate)
      return false
    }
    let fromEarliest = (now - seen.at) - .frames(Int(media.frames - seen.media.frames))
    if fromEarliest < .zero {
      // Still catching up, or the first of many: count from here.
      let isCatchingUp = isLate && fromEarliest < .milliseconds(-20)
      seen = (isCatchingUp ? now : seen.since, media, now, isLate)
    }
    strays = seen
    guard now - seen.since >= Self.patience else { return false }
    restarts += 1
    begin(seen.media, at: seen.at)
    return true
  }

  private mutating func begin(_ media: MediaTime, at now: HostTime) {
    fit = TimelineFit()
    first = TimelineLine(media: media, host: now)
    earliest = nil
    strays = nil
    intervalEnd = now + Self.interval
  }
}
