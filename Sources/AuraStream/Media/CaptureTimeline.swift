/// Lays captured blocks on a broadcast's timeline.
///
/// Sound servers deliver blocks with the instant of their first frame. In the ordinary case each
/// block begins where the last one ended. When it does not, sound is missing (media time advances
/// by what is missing), or overlaps what has been said already (that part is discarded), or is old,
/// because somebody was held up and blocks have queued (thrown away: it would stay late for ever).
package struct CaptureTimeline: Sendable {
  /// What to do with a block.
  package enum Verdict: Equatable, Sendable {
    /// Use it, without its first `skippingFrames` frames. `isSplice` is true when it does not
    /// continue what was used before.
    case use(at: MediaTime, skippingFrames: Int, isSplice: Bool)
    /// Throw it away.
    case discard
  }

  /// Silence that is due because nothing is being captured.
  package struct Silence: Equatable, Sendable {
    package var at: MediaTime
    package var frames: Int
    package var isSplice: Bool
  }

  /// Disagreement between a block's instant and the timeline that is taken for a real gap.
  ///
  /// Above the jitter of every sound server's own account of time (PulseAudio's is the worst).
  package static let gapThreshold = Duration.milliseconds(30)
  /// Disagreement that is taken for a real gap once it has lasted for `lasting`: a block or two
  /// that the sound server lost. Sound servers' accounts of time wobble less, or less steadily.
  package static let smallGap = Duration.nanoseconds(2_500_000)
  private static let lasting = Duration.milliseconds(100)
  /// How much older than usual a block may arrive.
  package static let backlogLimit = Duration.milliseconds(80)
  /// How long a block may be overdue before silence takes its place.
  package static let patience = Duration.milliseconds(150)
  /// How much of a small disagreement is taken over with each block: a slow lock to the true rate.
  private static let tracking = 0.02

  /// Frames that were never captured: gaps in the instants.
  package private(set) var missingFrames = 0
  /// Frames captured but thrown away: backlog and overlap.
  package private(set) var discardedFrames = 0
  /// Where the next frame goes.
  package private(set) var position = MediaTime(frames: 0)

  private var nextInstant: HostTime?
  private var isSilent = false
  private var discarding = false
  private var usualAge = WindowedMinimum()
  private var suspicion: Suspicion?
  private var framesSinceAnchor = 0
  private let hasBacklogs: Bool

  /// - Parameter hasBacklogs: whether a block that arrives later than usual stays late. Not where the
  ///   source's own clock says when each block is heard at last, however early or late it came.
  package init(hasBacklogs: Bool = true) { self.hasBacklogs = hasBacklogs }

  /// The instant at which the frame at `position` was or will be captured, by the timeline.
  package var instantOfPosition: HostTime? { nextInstant }

  /// Judges one block.
  ///
  /// - Parameters:
  ///   - capturedAt: the instant of its first frame.
  ///   - frames: its length, at 48 kHz.
  ///   - missed: frames lost right before it, where the sound server counts them: they are a gap however
  ///     small. Left to the instants where those do not bear it out.
  ///   - now: the instant of arrival.
  /// - Returns: which part of the block to use, and where.
  package mutating func accept(
    capturedAt: HostTime, frames: Int, missed: Int = 0, now: HostTime
  ) -> Verdict {
    let age = now - (capturedAt + .frames(frames))
    usualAge.insert(age.inNanoseconds, at: now.nanoseconds)
    if hasBacklogs, age.inNanoseconds > usualAge.value + Self.backlogLimit.inNanoseconds {
      discardedFrames += frames
      discarding = true
      return .discard
    }
    guard var expected = nextInstant else {
      nextInstant = capturedAt + .frames(frames)
      framesSinceAnchor = 0
      position = position + frames
      return .use(at: MediaTime(frames: 0), skippingFrames: 0, isSplice: true)
    }
    var isSplice = isSilent || discarding
    if missed > 0, !isSplice, capturedAt - expected > .frames(missed / 2) {
      missingFrames += missed
      position = position + missed
      expected = expected + .frames(missed)
      isSplice = true
    }
    let error = capturedAt - expected
    if error > Self.gapThreshold || (discarding && error > .zero) {
      return useAfterGap(error, capturedAt: capturedAt, frames: frames)
    }
    if error < .zero - Self.gapThreshold || (isSilent && error < .zero) {
      return useAfterOverlap(.zero - error, capturedAt: capturedAt, frames: frames)
    }
    isSilent = false
    discarding = false
    nextInstant = expected + .frames(frames) + correction(of: error, frames: frames)
    return use(frames: frames, skipping: 0, isSplice: isSplice)
  }

  /// How far to move the timeline for a disagreement that is no gap by itself.
  private mutating func correction(of error: Duration, frames: Int) -> Duration {
    framesSinceAnchor += frames
    let slow = Duration.nanoseconds(Int64(Double(error.inNanoseconds) * Self.tracking))
    guard max(error, .zero - error) > Self.smallGap else {
      suspicion = nil
      return slow
    }
    var seen = suspicion ?? Suspicion(isGap: error > .zero, least: error)
    guard seen.isGap == (error > .zero) else {
      suspicion = nil
      return slow
    }
    // What has been taken over slowly since the suspicion arose belongs to it.
    let whole = error + seen.taken
    seen.least = seen.isGap ? min(seen.least, whole) : max(seen.least, whole)
    seen.frames += frames
    guard .frames(seen.frames) >= Self.lasting else {
      seen.taken += slow
      suspicion = seen
      return slow
    }
    suspicion = nil
    if seen.isGap, framesSinceAnchor > MediaTime.rate {
      // The seam has been heard already; what was lost there still counts as time.
      missingFrames += seen.least.frames()
      position = position + seen.least.frames()
    }
    return seen.least - seen.taken
  }

  /// A disagreement that has begun and may last.
  private struct Suspicion {
    var isGap: Bool
    var least: Duration
    var taken = Duration.zero
    var frames = 0
  }

  /// The silence that is due by now, if capture has stopped for longer than patience allows.
  ///
  /// - Parameters:
  ///   - now: the present instant.
  ///   - maximum: the most frames wanted at once; the rest is due at the next call.
  /// - Returns: the silence to send now; nil while capture flows. It may have no frames yet.
  package mutating func silence(now: HostTime, maximum: Int) -> Silence? {
    guard let expected = nextInstant else {
      // Nothing has ever been captured: the timeline begins with silence.
      nextInstant = now
      isSilent = true
      return nil
    }
    let usual = usualAge.value == .max ? 0 : max(0, usualAge.value)
    let due = now - .nanoseconds(usual)
    var isSplice = false
    if !isSilent {
      guard due - expected > Self.patience else { return nil }
      isSilent = true
      isSplice = true
      // What was not heard in time is missing, not played late.
      let gap = (due - expected).frames()
      missingFrames += gap
      position = position + gap
      nextInstant = due
      return Silence(at: position, frames: 0, isSplice: true)
    }
    var frames = (due - expected).frames()
    if frames > maximum {
      // Held up ourselves: late silence is of no use either.
      let gap = frames - maximum
      missingFrames += gap
      position = position + gap
      nextInstant = expected + .frames(gap)
      frames = maximum
      isSplice = true
    }
    guard frames > 0, let start = nextInstant else { return nil }
    nextInstant = start + .frames(frames)
    defer { position = position + frames }
    return Silence(at: position, frames: frames, isSplice: isSplice)
  }

  private mutating func useAfterGap(
    _ gap: Duration, capturedAt: HostTime, frames: Int
  ) -> Verdict {
    let missing = gap.frames()
    // What a backlog cost has been counted as discarded already.
    if !discarding { missingFrames += missing }
    position = position + missing
    isSilent = false
    discarding = false
    nextInstant = capturedAt + .frames(frames)
    framesSinceAnchor = 0
    return use(frames: frames, skipping: 0, isSplice: true)
  }

  private mutating func useAfterOverlap(
    _ overlap: Duration, capturedAt: HostTime, frames: Int
  ) -> Verdict {
    let skipping = overlap.frames()
    guard skipping < frames else {
      discardedFrames += frames
      discarding = true
      return .discard
    }
    discardedFrames += skipping
    isSilent = false
    discarding = false
    nextInstant = capturedAt + .frames(frames)
    framesSinceAnchor = 0
    return use(frames: frames - skipping, skipping: skipping, isSplice: true)
  }

  private mutating func use(frames: Int, skipping: Int, isSplice: Bool) -> Verdict {
    defer { position = position + frames }
    return .use(at: position, skippingFrames: skipping, isSplice: isSplice)
  }
}

/// The smallest of the values seen during the last few seconds.
///
/// Two half windows: cheap, and forgets a value after one to two of them.
struct WindowedMinimum: Sendable {
  private static let halfWindow: Int64 = 5_000_000_000  // ns
  private var current = Int64.max
  private var previous = Int64.max
  private var began: Int64?

  /// The minimum; `.max` before the first value.
  var value: Int64 { min(current, previous) }

  mutating func insert(_ value: Int64, at nanoseconds: Int64) {
    if let began, nanoseconds - began < Self.halfWindow {
      current = min(current, value)
    } else {
      previous = began == nil ? .max : current
      current = value
      began = nanoseconds
    }
  }
}
