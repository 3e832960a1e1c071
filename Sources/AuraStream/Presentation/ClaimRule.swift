/// What our output device tells players: how late the listener in the middle hears.
///
/// In film mode that is the delay that all share, unless most hear later for good: one who hears through
/// slow headphones hears late by what the delay is too short for. Listeners tell some seconds late, so
/// they are believed once the delay has held for longer than that.
package struct ClaimRule: Sendable {
  /// What a delay as heard is off by, at most, where all is well.
  private static let tolerance = Duration.milliseconds(10)
  /// Longer than two of a listener's reports are apart.
  private static let patience = Duration.seconds(12)

  private var planned: Duration?
  private var isAsHeard = false
  /// Since when what is told has not been right.
  private var wrongSince: HostTime?

  package init() {}

  /// - Parameters:
  ///   - planned: film mode's delay at this moment; nil in live mode.
  ///   - told: how late those hear who have told.
  ///   - now: the present instant.
  /// - Returns: what is to be told; nil when nobody knows.
  package mutating func delay(planned: Duration?, told: [Duration], now: HostTime) -> Duration? {
    guard let planned, !told.isEmpty else {
      self = ClaimRule()
      return planned ?? told.median
    }
    // Most is more than half: between two in the middle the plan holds.
    let sorted = told.sorted()
    let middle = min(max(planned, sorted[(told.count - 1) / 2]), sorted[told.count / 2])
    let isOff = max(planned, middle) - min(planned, middle) > Self.tolerance
    if isOff == isAsHeard || planned != self.planned {
      wrongSince = nil
    } else if let wrongSince {
      if now - wrongSince >= Self.patience { isAsHeard = isOff }
    } else {
      wrongSince = now
    }
    self.planned = planned
    return isAsHeard ? middle : planned
  }
}

extension [Duration] {
  /// What the one in the middle has, or the mean of the two there; nil where there is none.
  package var median: Duration? {
    if isEmpty { return nil }
    let sorted = sorted()
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
  }
}
