internal import AuraHost
package import AuraStream
internal import Synchronization

/// When a broadcast's frames are to be heard: what the host wants, what the listeners need, and the
/// plan that the media thread has made of it.
package final class Presenter: Sendable {
  /// How things stand.
  package struct State: Equatable, Sendable {
    package var mode: BroadcastMode
    /// In film mode the delay, or the one it is moving to.
    package var delay: Duration
    package var choice: DelayChoice
  }

  private struct Wishes {
    var mode: BroadcastMode
    var choice: DelayChoice
    var automatic: AutomaticDelay

    var delay: Duration {
      if case .said(let delay) = choice { PresentationRule.allowed(delay) } else { automatic.delay }
    }
  }

  private let wishes: Mutex<Wishes>
  /// Grows with every wish, so that the media thread locks nothing as long as there is none.
  private let version = Atomic(0)
  private let published: Mutex<PresentationPlan>

  package init(mode: BroadcastMode, choice: DelayChoice) {
    let cap = if case .automatic(let cap) = choice { cap } else { DelayChoice.usualCap }
    let wishes = Wishes(
      mode: mode, choice: choice,
      automatic: AutomaticDelay(cap: cap, delay: PresentationPlan.usualDelay))
    self.wishes = Mutex(wishes)
    published = Mutex(PresentationPlan(mode: mode, first: wishes.delay))
  }

  // MARK: Any thread

  package var state: State {
    wishes.withLock { State(mode: $0.mode, delay: $0.delay, choice: $0.choice) }
  }

  /// The plan in force.
  package var plan: PresentationPlan { published.withLock { $0 } }

  /// The host wants it otherwise; nil leaves what is.
  package func change(mode: BroadcastMode?, choice: DelayChoice?) {
    wishes.withLock { wishes in
      wishes.mode = mode ?? wishes.mode
      guard let choice, choice != wishes.choice else { return }
      if case .automatic(let cap) = choice {
        wishes.automatic = AutomaticDelay(cap: cap, delay: wishes.delay)
      }
      wishes.choice = choice
    }
    version.wrappingAdd(1, ordering: .releasing)
  }

  /// The listeners have told what they need.
  func note(needs: [Duration]) {
    let hasChanged = wishes.withLock { wishes in
      guard case .automatic = wishes.choice else { return false }
      let before = wishes.delay
      return wishes.automatic.update(needs: needs, now: HostClock.now) != before
    }
    if hasChanged { version.wrappingAdd(1, ordering: .releasing) }
  }

  // MARK: The media thread

  /// Where the rule begins.
  var rule: PresentationRule {
    wishes.withLock { PresentationRule(mode: $0.mode, delay: $0.delay) }
  }

  /// What is wanted, if that has changed since `seen`.
  func wish(after seen: inout Int) -> (mode: BroadcastMode, delay: Duration)? {
    let version = version.load(ordering: .acquiring)
    guard version != seen else { return nil }
    seen = version
    return wishes.withLock { ($0.mode, $0.delay) }
  }

  /// A plan is in force from now on.
  func publish(_ plan: PresentationPlan) { published.withLock { $0 = plan } }
}
