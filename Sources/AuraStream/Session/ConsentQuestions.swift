/// The requests of our own that ask whether a listener is there, and their answers.
struct ConsentQuestions {
  private static let most = 8
  /// What we say our candidate is worth: that of a host (RFC 8445 section 5.1.2.2).
  private static let priority: UInt32 = 126 << 24 | 65_535 << 8 | 255

  private let high: UInt32
  private var low: UInt64
  private let tieBreaker: UInt64
  private var open: [(transaction: STUNTransaction, path: NetworkPath, askedAt: HostTime)] = []

  init(nonce: UInt64 = 0) {
    high = UInt32(truncatingIfNeeded: nonce >> 32)
    low = nonce &* 0x9e37_79b9_7f4a_7c15
    tieBreaker = ~nonce
  }

  /// The next request, before it gets its integrity; it must go along the path.
  mutating func next(
    _ credentials: SessionCredentials, along path: NetworkPath, now: HostTime
  ) -> STUNMessage {
    low &+= 1
    let transaction = STUNTransaction(high: high, low: low)
    if open.count == Self.most { open.removeFirst() }
    open.append((transaction, path, now))
    var request = STUNMessage(kind: .request, transaction: transaction)
    request.username =
      credentials.remoteFragment + [UInt8(ascii: ":")] + credentials.localFragment
    request.priority = Self.priority
    request.controlled = tieBreaker
    return request
  }

  /// When the question of this answer was asked; nil when we never asked it along this path, or it was
  /// answered.
  mutating func askedAt(_ transaction: STUNTransaction, along path: NetworkPath) -> HostTime? {
    guard let place = open.firstIndex(where: { $0.transaction == transaction && $0.path == path })
    else { return nil }
    return open.remove(at: place).askedAt
  }
}
