/// Decides how much of the sound that waits in a pipe is stale.
///
/// We read a pipe at the pace of real time. A writer that has all its sound at hand (a decoder)
/// fills the pipe and waits for us, and nothing of its sound may be lost. A live writer (a
/// recorder) writes as it hears; what waits after one of us was held up would stay late for ever.
/// A writer whose pipe has had room during two seconds of sound is taken for live. Then what has
/// waited throughout half a second is thrown away. If the pipe then fills up again though neither
/// side paused, the writer was not live after all and is left in peace.
package struct StdinBacklog: Sendable {
  /// Sound that may wait without being stale.
  package static let limit = Duration.milliseconds(60)
  /// What is left waiting after discarding, for the unevenness of the writer.
  package static let reserve = Duration.milliseconds(20)
  private static let proof = Duration.seconds(2)
  private static let relapse = Duration.seconds(10)
  /// A live writer's own blocks may be as long: between two of them nothing need wait.
  private static let window = Duration.milliseconds(500)
  /// Time between two blocks beyond which somebody paused; it proves nothing.
  private static let longestStep = Duration.milliseconds(50)

  private enum State: Sendable {
    case learning(hadRoomFor: Duration)
    case live
    case notLive
  }

  private var state = State.learning(hadRoomFor: .zero)
  private var lastJudged: HostTime?
  private var windowBegan: HostTime?
  private var least = Duration.zero
  private var lastDiscard: (at: HostTime, left: Duration)?

  package init() {}

  /// Whether the next judgement needs to know if the pipe is full.
  package var isLearning: Bool {
    if case .learning = state { true } else { false }
  }

  /// Whether the writer is taken for live.
  package var isLive: Bool {
    if case .live = state { true } else { false }
  }

  /// Judges what waits; called before each block that is read.
  ///
  /// - Parameters:
  ///   - waiting: sound in the pipe beyond what the block needs.
  ///   - isFull: whether the writer has to wait for us; looked at while `isLearning`.
  ///   - isHungUp: whether the writer has gone; what waits then is the end of the sound.
  ///   - now: the present instant.
  /// - Returns: how much to throw away, oldest first.
  package mutating func judge(
    waiting: Duration, isFull: Bool, isHungUp: Bool, now: HostTime
  ) -> Duration {
    let step = lastJudged.map { now - $0 } ?? .zero
    lastJudged = now
    if step > Self.longestStep { paused() }
    switch state {
    case .notLive: return .zero
    case .learning(let before):
      let hadRoomFor = isFull ? .zero : before + (step > Self.longestStep ? .zero : step)
      state = hadRoomFor < Self.proof ? .learning(hadRoomFor: hadRoomFor) : .live
      return .zero
    case .live:
      return isHungUp ? .zero : judgeLive(waiting: waiting, now: now)
    }
  }

  /// Forgets the past: what waits now came together in the pause.
  private mutating func paused() {
    lastDiscard = nil
    windowBegan = nil
  }

  private mutating func judgeLive(waiting: Duration, now: HostTime) -> Duration {
    guard let began = windowBegan else {
      windowBegan = now
      least = waiting
      return .zero
    }
    least = min(least, waiting)
    guard now - began >= Self.window else { return .zero }
    windowBegan = nil
    guard least > Self.limit else { return .zero }
    // A live writer may still have been busy with its backlog; more than was left is refilling.
    if let lastDiscard, now - lastDiscard.at < Self.relapse,
      least > lastDiscard.left + Self.reserve
    {
      state = .notLive
      return .zero
    }
    let stale = least - Self.reserve
    lastDiscard = (now, waiting - stale)
    return stale
  }
}
