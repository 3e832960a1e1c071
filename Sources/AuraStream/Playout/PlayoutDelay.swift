/// Decides how long after its capture a frame is to be heard.
///
/// Either it is said, and held to the letter, or it is the least that the arrivals allow: then it
/// glides, slowly enough for the speed that is allowed.
package struct PlayoutDelay: Sendable {
  package enum Mode: Equatable, Sendable {
    /// As little as the arrivals allow, within bounds.
    case adaptive(ClosedRange<Duration>)
    /// From capture to ear, output included.
    case fixed(Duration)
  }

  /// What nobody has to say.
  package static let usual = Mode.adaptive(usualBounds)
  private static let usualBounds = Duration.zero ... .seconds(2)
  /// What is kept above the worst arrivals.
  private static let safety = 0.001  // s
  /// What jitter is taken for before any is known.
  private static let firstJitter = 0.010  // s
  /// How fast an adaptive delay moves: half of the speed that is allowed, the rest is for drift.
  private static let glide = 0.000_5

  package let mode: Mode
  /// What the broadcast wants, where nobody said anything here.
  package private(set) var film = FilmDelay()
  private var jitter = ArrivalJitter()
  private var value: Double?  // s

  package init(_ mode: Mode) { self.mode = mode }

  /// The delay that was said, here or by a broadcast in film mode; nil where it follows the arrivals.
  package var fixed: Duration? { if case .fixed(let delay) = mode { delay } else { film.delay } }

  /// Takes the broadcast's plan in; what was said here comes before it.
  package mutating func take(_ plan: PresentationPlan) {
    if case .adaptive = mode { film.take(plan) }
  }

  /// Moves as the broadcast's plan wants; parameters and result as of `FilmDelay.update`.
  package mutating func updateFilm(
    at position: MediaTime, isPlaying: Bool, elapsed: Double
  ) -> Bool {
    film.update(at: position, following: following, isPlaying: isPlaying, elapsed: elapsed)
  }

  /// The delay that follows the arrivals; nil before the first of them.
  ///
  /// Where another one was said this is what is used while capture instants are not known.
  package var following: Duration? { value.map { .nanoseconds(Int64(saturating: $0 * 1e9)) } }

  /// How late packets come at worst, from the reference's instant on; nil before the first.
  package var worstArrival: Duration? {
    jitter.peak.map { .nanoseconds(Int64(saturating: $0 * 1e9)) }
  }

  /// The least delay that would do, from what is known of the arrivals; nil before the first.
  ///
  /// - Parameter pipeline: what lies between a packet's decoding and the ear.
  /// - Returns: from the reference's instant to the ear.
  package func needed(pipeline: Duration) -> Duration? {
    jitter.peak.map { .nanoseconds(Int64(saturating: ($0 + Self.safety) * 1e9)) + pipeline }
  }

  /// Takes note of an arrival.
  ///
  /// - Parameters:
  ///   - lateness: from the reference's instant of the packet's first frame to its arrival.
  ///   - now: when it came.
  package mutating func note(lateness: Duration, now: HostTime) {
    jitter.note(lateness: lateness.inSeconds, at: now)
  }

  /// Moves towards what is needed.
  ///
  /// - Parameters:
  ///   - pipeline: what lies between a packet's decoding and the ear.
  ///   - elapsed: since the last time, in seconds.
  package mutating func update(pipeline: Duration, elapsed: Double) {
    guard let peak = jitter.peak else { return }
    let wanted = bounded(peak + Self.safety + pipeline.inSeconds)
    guard let last = value else {
      value = bounded(peak + Self.firstJitter + pipeline.inSeconds)
      return
    }
    let step = Self.glide * elapsed
    value = last + min(max(wanted - last, -step), step)
  }

  private func bounded(_ seconds: Double) -> Double {
    min(max(seconds, bounds.lowerBound.inSeconds), bounds.upperBound.inSeconds)
  }

  private var bounds: ClosedRange<Duration> {
    if case .adaptive(let bounds) = mode { return bounds }
    return Self.usualBounds
  }

  /// Sound was stretched while it was waited for: the delay has grown already.
  ///
  /// - Returns: how much of it is allowed to stay.
  package mutating func grow(by wanted: Duration) -> Duration {
    guard let last = value else { return .zero }
    let grown = max(0, min(wanted.inSeconds, bounds.upperBound.inSeconds - last))
    value = last + grown
    return .nanoseconds(Int64(saturating: grown * 1e9))
  }

  /// Grows by a step where that is still no more than the arrivals need.
  ///
  /// - Parameters:
  ///   - step: how much.
  ///   - pipeline: what lies between a packet's decoding and the ear.
  /// - Returns: whether it has grown.
  package mutating func grow(by step: Duration, pipeline: Duration) -> Bool {
    guard let last = value, let peak = jitter.peak else { return false }
    let grown = last + max(0, step.inSeconds)
    guard grown <= bounded(peak + Self.safety + pipeline.inSeconds) else { return false }
    value = grown
    return true
  }

  /// Nothing is played any more, for all of it comes too late: the delay grows to what is needed at once.
  ///
  /// - Parameters:
  ///   - lateness: how late packets come at the least, from the reference's instant on.
  ///   - pipeline: what lies between a packet's decoding and the ear.
  /// - Returns: by how much it has grown.
  package mutating func catchUp(lateness: Duration, pipeline: Duration) -> Duration {
    guard let last = value else { return .zero }
    let worst = max(jitter.peak ?? 0, lateness.inSeconds)
    let grown = max(0, bounded(worst + Self.safety + pipeline.inSeconds) - last)
    value = last + grown
    return .nanoseconds(Int64(saturating: grown * 1e9))
  }

  /// The reference was exchanged for one that is later by this much; what is heard stays where it is.
  package mutating func shift(by later: Duration) {
    jitter.shift(by: -later.inSeconds)
    if let last = value { value = last - later.inSeconds }
  }

  /// Takes another delay for the one that follows: what is heard must not move.
  package mutating func follow(_ delay: Duration) { value = delay.inSeconds }

  /// Begins anew: arrivals so far say nothing any more.
  package mutating func reset() {
    jitter = ArrivalJitter()
    value = nil
    film.restart()
  }
}
