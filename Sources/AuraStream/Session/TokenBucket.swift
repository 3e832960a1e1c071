/// Lets through `rate` a second on average and `burst` at once.
package struct TokenBucket: Sendable {
  /// Tokens that come back each second.
  package let rate: Double
  /// Tokens that can be saved up.
  package let burst: Double

  private var tokens: Double
  private var updatedAt: HostTime

  /// A full bucket.
  package init(rate: Double, burst: Double, now: HostTime) {
    self.rate = rate
    self.burst = burst
    tokens = burst
    updatedAt = now
  }

  /// Takes `count` tokens if they are there.
  ///
  /// - Returns: whether they were; if not, nothing is taken.
  package mutating func take(_ count: Double = 1, now: HostTime) -> Bool {
    if now > updatedAt {
      tokens = min(burst, tokens + rate * (now - updatedAt).inSeconds)
      updatedAt = now
    }
    guard tokens >= count else { return false }
    tokens -= count
    return true
  }
}
