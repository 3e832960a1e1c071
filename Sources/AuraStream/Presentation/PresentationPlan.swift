/// When the frames of a broadcast are to be heard: read off media time alone, so that everyone who has
/// the plan changes at the same frame, whenever the plan has come.
package struct PresentationPlan: Equatable, Sendable {
  /// How fast a delay moves at most, in seconds a second: a third of a semitone, for some seconds.
  package static let glide = 0.020
  /// The delays that a broadcast may have in film mode.
  package static let delays = Duration.milliseconds(50) ... .seconds(2)
  /// What nobody has to say.
  package static let usualDelay = Duration.milliseconds(250)

  /// Grows by one with every new plan; wraps.
  package var number: UInt8
  package var mode: BroadcastMode
  /// The first frame that it is for.
  package var since: MediaTime
  /// In film mode: the delay from capture to ear of that frame, and the one it moves to from there on.
  package var first: Duration
  package var last: Duration
  /// Whether the source is silent just before `since`, for long enough that all of a change can be made
  /// there at once and nobody hears it.
  package var isAtPause: Bool

  package init(
    number: UInt8 = 0, mode: BroadcastMode, since: MediaTime = MediaTime(frames: 0),
    first: Duration, last: Duration? = nil, isAtPause: Bool = false
  ) {
    self.number = number
    self.mode = mode
    self.since = since
    self.first = first
    self.last = last ?? first
    self.isAtPause = isAtPause
  }

  /// From capture to ear, in film mode.
  ///
  /// - Parameter time: a frame; those before `since` are taken for the first.
  /// - Returns: its delay.
  package func delay(at time: MediaTime) -> Duration {
    let frames = max(0, time.frames.saturatingSubtract(since.frames))
    let passed = Double(frames) / Double(MediaTime.rate)
    let moved = Duration.nanoseconds(Int64(saturating: passed * Self.glide * 1e9))
    return first <= last ? min(last, first + moved) : max(last, first - moved)
  }

  /// The same, begun later: an RTP timestamp names a frame only within half a day.
  ///
  /// - Parameter time: the newest frame.
  /// - Returns: what says the same of this frame and all later ones.
  package func retold(at time: MediaTime) -> Self {
    let begin = time + -MediaTime.rate * 3600
    guard since < begin else { return self }
    var plan = self
    plan.since = begin
    plan.first = delay(at: begin)
    return plan
  }
}
