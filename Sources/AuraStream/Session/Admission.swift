/// Decides whether one more listener may begin to join. For one thread, or behind a lock.
///
/// Unfinished joins are bounded in number, in all and for each source, and in rate, so that neither
/// a crowd nor an attacker takes the time or memory of those who listen.
package struct Admission: Sendable {
  /// Joins that may be unfinished at once.
  package static let mostUnfinished = 512
  /// The same for one source.
  package static let mostUnfinishedOfOne = 32
  /// Joins a second: a hall that fills. Each costs two milliseconds of processor, on no media thread.
  package static let rate = 500.0
  /// Joins that may come at once after a rest.
  package static let burst = 500.0

  /// What becomes of a wish to join.
  package enum Verdict: Equatable, Sendable {
    case admitted
    /// There are as many listeners as the host wants.
    case full
    /// Too many are joining at this moment; worth another try after so many seconds.
    case busy(retryAfter: Int)
  }

  /// Listeners at once; 0 is without limit.
  private let mostListeners: Int
  private var bucket: TokenBucket
  private var unfinished: [String: Int] = [:]
  /// Joins that are not finished.
  package private(set) var unfinishedCount = 0
  /// Listeners that have joined and not left.
  package private(set) var listenerCount = 0
  /// Wishes that were refused.
  package private(set) var refusedFull = 0
  package private(set) var refusedBusy = 0

  package init(mostListeners: Int, now: HostTime) {
    self.mostListeners = mostListeners
    bucket = TokenBucket(rate: Self.rate, burst: Self.burst, now: now)
  }

  /// Somebody wants to join; whoever is admitted must be told finished or given up.
  package mutating func admit(_ source: String, now: HostTime) -> Verdict {
    guard mostListeners == 0 || listenerCount + unfinishedCount < mostListeners else {
      refusedFull += 1
      return .full
    }
    let isGreedy = unfinished[source, default: 0] >= Self.mostUnfinishedOfOne
    let hasRoom = unfinishedCount < Self.mostUnfinished && !isGreedy
    guard hasRoom, bucket.take(now: now) else {
      refusedBusy += 1
      // A crowd makes room within a second or two; one who begins so many may wait for their end.
      return .busy(retryAfter: isGreedy ? 5 : hasRoom ? 1 : 2)
    }
    unfinishedCount += 1
    unfinished[source, default: 0] += 1
    return .admitted
  }

  /// The join has succeeded.
  package mutating func finish(_ source: String) {
    giveUp(source)
    listenerCount += 1
  }

  /// The join has failed.
  package mutating func giveUp(_ source: String) {
    unfinishedCount -= 1
    let left = unfinished[source, default: 1] - 1
    unfinished[source] = left > 0 ? left : nil
  }

  /// A listener has left.
  package mutating func leave() { listenerCount -= 1 }
}
