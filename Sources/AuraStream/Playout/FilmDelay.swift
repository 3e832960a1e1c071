/// Follows a broadcast's plan: the delay in force at the frame that is played next.
///
/// In film mode it is the plan's, at which it arrives at the plan's speed; after film mode it goes back
/// to what the arrivals need as softly.
package struct FilmDelay: Sendable {
  /// What remains is less than a frame.
  private static let nearly = 0.000_02  // s

  /// The plan in force; nil before the server has told one.
  package private(set) var plan: PresentationPlan?
  /// How fast the delay moves now, in seconds a second.
  package private(set) var slope = 0.0
  /// A plan whose first frame has not been reached.
  private var next: PresentationPlan?
  private var value: Double?  // s
  /// The server may have begun to count anew.
  private var isStale = true

  package init() {}

  /// The delay from capture to ear; nil while it is the arrivals' matter.
  package var delay: Duration? {
    if let value { return .nanoseconds(Int64(saturating: value * 1e9)) }
    return plan?.mode == .film ? plan?.last : nil
  }

  /// Takes a plan in, on our own count of media time; one that is known does no harm.
  package mutating func take(_ told: PresentationPlan) {
    if isStale || plan == nil {
      isStale = false
      plan = told
      next = nil
    } else if told.number != (next ?? plan)?.number {
      next = told
    }
  }

  /// Another stream has begun, or another count of time: what is known stays until the next plan.
  package mutating func restart() {
    if let newest = next ?? plan {
      plan = PresentationPlan(
        number: newest.number, mode: newest.mode, since: MediaTime(frames: 0), first: newest.last)
    }
    next = nil
    isStale = true
  }

  /// Moves on.
  ///
  /// - Parameters:
  ///   - position: the frame that is played next.
  ///   - following: the delay that the arrivals need.
  ///   - isPlaying: whether there is anything a jump would be heard in.
  ///   - elapsed: since the last time, in seconds.
  /// - Returns: whether the delay has jumped, and sound must be put in its place.
  package mutating func update(
    at position: MediaTime, following: Duration?, isPlaying: Bool, elapsed: Double
  ) -> Bool {
    slope = 0
    let jumps = adopt(at: position, following: following)
    guard let plan, plan.mode == .film || value != nil,
      let goal = (plan.mode == .film ? plan.delay(at: position) : following)?.inSeconds
    else { return false }
    guard isPlaying, !jumps, let last = value ?? following?.inSeconds else {
      value = plan.mode == .film ? goal : nil
      return isPlaying
    }
    let step = PresentationPlan.glide * elapsed
    let moved = min(max(goal - last, -step), step)
    value = last + moved
    if elapsed > 0 { slope = moved / elapsed }
    if plan.mode == .live, abs(goal - last - moved) < Self.nearly { value = nil }
    return false
  }

  /// - Returns: whether the change is to be made at once.
  private mutating func adopt(at position: MediaTime, following: Duration?) -> Bool {
    guard let next else { return false }
    // What a shorter delay leaves out lies before the plan's first frame.
    let goal = next.mode == .film ? next.first : following
    let shorter = next.isAtPause ? (value ?? 0) - (goal?.inSeconds ?? 0) : 0
    let ahead = Int64(max(0, shorter) * Double(MediaTime.rate))
    guard position.frames + ahead >= next.since.frames else { return false }
    plan = next
    self.next = nil
    return next.isAtPause
  }
}
