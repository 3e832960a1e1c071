/// What film mode's delay is to be.
package enum DelayChoice: Equatable, Sendable {
  /// So long, whoever needs more.
  case said(Duration)
  /// As long as the listeners need, but not longer than the cap.
  case automatic(cap: Duration)

  /// What nobody has to say of a cap: longer than a Bluetooth headphone on an uneven network needs.
  package static let usualCap = Duration.seconds(1)

  /// What a broadcast begins with.
  package var first: Duration {
    switch self {
    case .said(let delay): delay
    case .automatic(let cap): min(cap, PresentationPlan.usualDelay)
    }
  }
}

/// Chooses film mode's delay: the largest need among those who can be waited for.
///
/// Who needs more is served at once; who needs less, when that has been so for a while: each change
/// of the delay is one for everybody.
package struct AutomaticDelay: Sendable {
  /// What is kept above what is needed now.
  private static let margin = Duration.milliseconds(20)
  private static let step = Duration.milliseconds(10)
  /// Less than this is not worth a change to less.
  private static let smallest = Duration.milliseconds(50)
  private static let patience = Duration.seconds(30)

  package private(set) var cap: Duration
  package private(set) var delay: Duration
  private var lowerSince: HostTime?
  private var lowerMost = Duration.zero

  /// - Parameters:
  ///   - cap: nobody is waited for longer.
  ///   - delay: what to begin with.
  package init(cap: Duration, delay: Duration) {
    self.cap = PresentationRule.allowed(cap)
    self.delay = min(PresentationRule.allowed(delay), self.cap)
  }

  /// Chooses anew.
  ///
  /// - Parameters:
  ///   - needs: the least delays that would do for each listener who has told.
  ///   - now: the present.
  /// - Returns: the delay for everybody.
  package mutating func update(needs: some Sequence<Duration>, now: HostTime) -> Duration {
    guard let most = needs.filter({ $0 <= cap }).max() else {
      lowerSince = nil
      return delay
    }
    let wanted = PresentationRule.allowed(min(Self.rounded(most + Self.margin), cap))
    if wanted > delay {
      delay = wanted
      lowerSince = nil
    } else if delay - wanted < Self.smallest {
      lowerSince = nil
    } else if let since = lowerSince {
      lowerMost = max(lowerMost, wanted)
      if now - since >= Self.patience {
        delay = lowerMost
        lowerSince = nil
      }
    } else {
      lowerSince = now
      lowerMost = wanted
    }
    return delay
  }

  private static func rounded(_ delay: Duration) -> Duration {
    let step = step.inNanoseconds
    return .nanoseconds((delay.inNanoseconds + step - 1) / step * step)
  }
}
