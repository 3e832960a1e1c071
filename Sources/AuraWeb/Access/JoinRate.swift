internal import AuraStream

/// How often one address may try to join: a bucket of tokens for each, refilled with time.
///
/// An IPv6 network of 64 bits counts as one address, because a single computer has all of it.
struct JoinRate {
  /// Addresses remembered at once; who comes beyond that shares one bucket.
  static let mostAddresses = 4096

  private struct Bucket {
    var tokens: Double
    var filledAt: ContinuousClock.Instant
  }

  private let perSecond: Double
  private let atOnce: Double
  private var buckets: [IPNetwork: Bucket] = [:]
  private var others: Bucket?

  /// - Parameters:
  ///   - perSecond: attempts that are possible for ever.
  ///   - atOnce: attempts that may come together after a rest.
  init(perSecond: Double, atOnce: Int) {
    self.perSecond = perSecond
    self.atOnce = Double(atOnce)
  }

  /// Counts an attempt.
  ///
  /// - Returns: whether it is within the rate.
  mutating func take(_ address: IPAddress, at now: ContinuousClock.Instant) -> Bool {
    let address = address.unmapped
    let network = IPNetwork(address, prefixLength: address.isIPv4 ? 32 : 64)
    if buckets[network] == nil, buckets.count >= Self.mostAddresses { forgetRested(at: now) }
    let isShared = buckets[network] == nil && buckets.count >= Self.mostAddresses
    var bucket = (isShared ? others : buckets[network]) ?? Bucket(tokens: atOnce, filledAt: now)
    let available = tokens(bucket, at: now)
    let isAllowed = available >= 1
    bucket = Bucket(tokens: isAllowed ? available - 1 : available, filledAt: now)
    if isShared { others = bucket } else { buckets[network] = bucket }
    return isAllowed
  }

  private func tokens(_ bucket: Bucket, at now: ContinuousClock.Instant) -> Double {
    min(atOnce, bucket.tokens + (now - bucket.filledAt).inSeconds * perSecond)
  }

  /// A full bucket says no more than none.
  private mutating func forgetRested(at now: ContinuousClock.Instant) {
    buckets = buckets.filter { tokens($0.value, at: now) < atOnce }
  }
}
