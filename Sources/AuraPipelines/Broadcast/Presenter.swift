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
    /// What is nearest to it of what our output device can tell players.
    var snapped: Duration?

    var wanted: Duration {
      if case .said(let delay) = choice { PresentationRule.allowed(delay) } else { automatic.delay }
    }

    var delay: Duration { snapped.map(PresentationRule.allowed) ?? wanted }
  }

  private let wishes: Mutex<Wishes>
  /// Grows with every wish, so that the media thread locks nothing as long as there is none.
  private let version = Atomic(0)
  private let published: Mutex<PresentationPlan>
  private let onChange: @Sendable (State) -> Void

  /// - Parameters:
  ///   - mode: how it begins.
  ///   - choice: what film mode's delay is to be.
  ///   - onChange: told of every change, on any thread.
  package init(
    mode: BroadcastMode, choice: DelayChoice, onChange: @escaping @Sendable (State) -> Void
  ) {
    self.onChange = onChange
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
    let before = state
    wishes.withLock { wishes in
      wishes.mode = mode ?? wishes.mode
      guard let choice, choice != wishes.choice else { return }
      if case .automatic(let cap) = choice {
        wishes.automatic = AutomaticDelay(cap: cap, delay: wishes.wanted)
      }
      wishes.choice = choice
    }
    tell(since: before)
  }

  /// The host wants film mode's delay to be longer by `step` than was last wanted, or shorter; nothing in
  /// live mode.
  package func move(by step: Duration) {
    let before = state
    wishes.withLock { wishes in
      guard wishes.mode == .film else { return }
      wishes.choice = .said(PresentationRule.allowed(wishes.wanted + step))
    }
    tell(since: before)
  }

  /// The listeners have told what they need.
  func note(needs: [Duration]) {
    let before = state
    guard case .automatic = before.choice else { return }
    wishes.withLock { _ = $0.automatic.update(needs: needs, now: HostClock.now) }
    tell(since: before)
  }

  /// The delay is this one, whatever is wanted, for players cannot be told another; nil ends that.
  func snap(to delay: Duration?) {
    let before = state
    wishes.withLock { $0.snapped = delay }
    tell(since: before)
  }

  var isSnapped: Bool { wishes.withLock { $0.snapped != nil } }

  /// What the host or the listeners want, whether players can be told it or not.
  var wanted: Duration { wishes.withLock { $0.wanted } }

  private func tell(since before: State) {
    let state = state
    guard state != before else { return }
    version.wrappingAdd(1, ordering: .releasing)
    onChange(state)
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
