internal import AuraHost
internal import AuraStream

/// When a session writes its next status: often on a terminal, as told in a log.
struct SessionClock {
  /// How often the line on a terminal is written anew: a meter that seems to move.
  private static let liveInterval = Duration.milliseconds(200)

  private let interval: Duration?
  private(set) var next: HostTime?

  /// - Parameters:
  ///   - every: the setting; nil is never.
  ///   - isLive: whether a terminal is written to.
  ///   - now: the present instant.
  init(every: Duration?, isLive: Bool, now: HostTime) {
    interval = every == nil ? nil : isLive ? Self.liveInterval : every
    next = interval.map { now + $0 }
  }

  /// How long to wait for other things first; nil is for ever.
  func remaining(at now: HostTime) -> Duration? { next.map { max(.zero, $0 - now) } }

  /// Whether it is time, once.
  mutating func isDue(at now: HostTime) -> Bool {
    guard let due = next, let interval, now >= due else { return false }
    next = max(due + interval, now)
    return true
  }
}
