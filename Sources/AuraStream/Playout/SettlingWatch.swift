/// Says when sound that was placed by clocks that were not settled yet is to be placed again.
///
/// Right after a start an output's first word of its delay, or a server's first answer, may be off by
/// tens of milliseconds, which the speed would take half a minute to mend. So for some seconds a steady
/// error is mended by one more join; later, never.
struct SettlingWatch: Sendable {
  /// How long after a start.
  private static let period = Duration.seconds(8)
  /// How often at most.
  private static let most = 3
  /// How long an error must be steady, and how steady, in seconds.
  private static let steadiness = (time: Duration.milliseconds(750), spread: 0.001_5)
  /// Smaller errors are left to the speed, in seconds.
  private static let smallest = 0.003

  private var end: HostTime?
  private var left = 0
  private var window: (since: HostTime, least: Double, most: Double)?

  /// A clock is new.
  mutating func begin(now: HostTime) {
    end = now + Self.period
    left = Self.most
    window = nil
  }

  /// Sound has been put in its place: at a start, or because this said so.
  mutating func didPlace(now: HostTime) {
    if end.map({ now >= $0 }) ?? true { begin(now: now) }
    window = nil
  }

  /// Takes note of how late sound is heard.
  ///
  /// - Parameters:
  ///   - error: in seconds; negative where it is early.
  ///   - uncertainty: how far off the error itself usually is, in seconds.
  ///   - now: the present.
  /// - Returns: whether sound is to be put in its place now.
  mutating func mustPlaceAgain(error: Double, uncertainty: Double, now: HostTime) -> Bool {
    guard let end, left > 0 else { return false }
    guard now < end else {
      self.end = nil
      return false
    }
    let seen = window ?? (now, error, error)
    let widened = (since: seen.since, least: min(seen.least, error), most: max(seen.most, error))
    guard widened.most - widened.least <= Self.steadiness.spread else {
      window = (now, error, error)
      return false
    }
    window = widened
    guard now - widened.since >= Self.steadiness.time else { return false }
    window = nil
    guard abs(error) > max(Self.smallest, 2 * uncertainty) else { return false }
    left -= 1
    return true
  }
}
