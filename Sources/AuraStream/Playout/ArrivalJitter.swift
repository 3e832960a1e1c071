/// How late sound comes at worst: the second largest lateness of the last twenty seconds.
///
/// The second largest of one-second maxima, so that a single hiccup costs one gap and not twenty
/// seconds of delay, while lateness that returns is provided for. Among packets that come evenly
/// scattered this is about the 99.9th percentile.
package struct ArrivalJitter: Sendable {
  private static let seconds = 20
  private var maxima: [Double] = []
  private var second: Int64?

  package init() { maxima.reserveCapacity(Self.seconds + 1) }

  /// The lateness to be ready for, where sound is on time on average: never negative.
  package var spread: Duration {
    guard maxima.count > 1, let peak else { return .zero }
    return .nanoseconds(Int64(saturating: max(0, peak) * 1e9))
  }

  /// The lateness to be ready for, in seconds; nil before anything has come.
  package var peak: Double? {
    guard var largest = maxima.first else { return nil }
    var runnerUp = -Double.infinity
    for value in maxima.dropFirst() where value > runnerUp {
      (largest, runnerUp) = value > largest ? (value, largest) : (largest, value)
    }
    return runnerUp.isFinite ? runnerUp : largest
  }

  /// Notes how late, in seconds, sound came; early sound is negative.
  package mutating func note(lateness: Double, at now: HostTime) {
    let thisSecond = now.nanoseconds / 1_000_000_000
    if thisSecond == second, let last = maxima.last {
      maxima[maxima.count - 1] = max(last, lateness)
    } else {
      second = thisSecond
      maxima.append(lateness)
      if maxima.count > Self.seconds { maxima.removeFirst() }
    }
  }

  /// What lateness is counted from has moved: everything seen so far becomes later by this much.
  package mutating func shift(by seconds: Double) {
    for index in maxima.indices { maxima[index] += seconds }
  }
}
