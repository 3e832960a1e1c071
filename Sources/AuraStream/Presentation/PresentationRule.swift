/// Decides a broadcast's plan: for the thread that owns its timeline.
///
/// In film mode the delay moves by 20 ms a second, or in one step where the source pauses.
package struct PresentationRule: Sendable {
  /// Shorter silence is a breath between words, and a step in it would be heard.
  package static let shortestPause = Duration.milliseconds(300)
  /// By how much a plan must be ahead of what is heard, to reach everyone in time.
  package static let lead = Duration.milliseconds(100)
  /// Listeners whose delay was their own need this long at most to move to a common one.
  private static let longestMove = Duration.seconds(100)
  /// In this time every listener's delay has grown by as much as the longest packet is longer than the shortest.
  private static let roomForPackets = Duration.seconds(1)

  package private(set) var plan: PresentationPlan
  /// Until which frame somebody may still be moving.
  private var movesUntil: MediaTime?
  /// Until which frame packets of film mode would come too late to whoever heard live.
  private var shortUntil: MediaTime?

  package init(mode: BroadcastMode, delay: Duration) {
    plan = PresentationPlan(mode: mode, first: Self.allowed(delay))
  }

  /// A delay in the bounds.
  package static func allowed(_ delay: Duration) -> Duration {
    min(max(delay, PresentationPlan.delays.lowerBound), PresentationPlan.delays.upperBound)
  }

  /// Somebody wants it otherwise.
  ///
  /// - Parameters:
  ///   - mode: what is wanted.
  ///   - delay: in film mode, from capture to ear.
  ///   - time: the frame that is captured next.
  ///   - silence: for how long the source has been silent.
  /// - Returns: whether that is a new plan.
  @discardableResult
  package mutating func change(
    to mode: BroadcastMode, delay: Duration, at time: MediaTime, silence: Duration
  ) -> Bool {
    let delay = Self.allowed(delay)
    if mode == plan.mode, mode == .live || delay == plan.last {
      // Kept for the next time, and nobody's business till then.
      if mode == .live { (plan.first, plan.last) = (delay, delay) }
      return false
    }
    if plan.mode == .live { shortUntil = time + Self.roomForPackets.frames() }
    let begin = mode == .film && plan.mode == .film ? plan.delay(at: time) : delay
    plan = PresentationPlan(
      number: plan.number &+ 1, mode: mode, since: time, first: begin, last: delay)
    movesUntil = time + Self.longestMove.frames()
    pause(at: time, silence: silence, isNew: true)
    return true
  }

  /// Sound has been captured, or silence.
  ///
  /// - Parameters:
  ///   - silence: for how long the source has been silent.
  ///   - time: the frame that is captured next.
  /// - Returns: whether that makes a new plan.
  @discardableResult
  package mutating func note(silence: Duration, at time: MediaTime) -> Bool {
    guard let end = movesUntil, silence >= Self.shortestPause else { return false }
    guard time < end else {
      movesUntil = nil
      return false
    }
    return pause(at: time, silence: silence, isNew: false)
  }

  /// What a packet lasts that begins with a frame.
  ///
  /// - Parameters:
  ///   - live: frames in a packet of live mode.
  ///   - time: the frame.
  /// - Returns: the mode's, but after live mode no longer ones before the delays have grown by as much.
  package func packetFrames(live: Int, at time: MediaTime) -> Int {
    if !plan.isAtPause, let shortUntil, time < shortUntil { return live }
    return plan.mode.packetFrames(live: live)
  }

  /// Makes all of a change at once, if the source is silent for long enough.
  @discardableResult
  private mutating func pause(at time: MediaTime, silence: Duration, isNew: Bool) -> Bool {
    guard silence >= Self.shortestPause else { return false }
    switch plan.mode {
    case .live:
      // Everything that is left out must be silent, whatever a listener's own delay is.
      guard silence >= plan.last + Self.lead else { return false }
    case .film:
      let shorter = plan.delay(at: time) - plan.last
      guard shorter <= .zero || (silence >= shorter + Self.lead && plan.last >= Self.lead) else {
        return false
      }
    }
    plan.isAtPause = true
    plan.since = time
    plan.first = plan.last
    if !isNew { plan.number &+= 1 }
    movesUntil = nil
    return true
  }
}
