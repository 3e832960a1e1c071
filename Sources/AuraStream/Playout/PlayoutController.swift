/// Decides how much sound a listener of a live stream holds, and keeps it so.
///
/// The *lead* is how long the output could go on if nothing more came, seen right before sound
/// arrives. Too little and jitter is heard, too much and the sound is late. The lead's target is
/// the spread of the arrivals seen lately; a stream without timestamps tells nothing more. Small
/// errors, which is all that drift between two sound cards makes, are corrected by playing up to
/// 0.05 % faster or slower; large ones, which only a freeze or a burst makes, by skipping forward.
package struct PlayoutController: Sendable {
  /// What to do with the sound that has arrived.
  package struct Action: Equatable, Sendable {
    /// Frames of silence to play before the arrival: the output has nothing left.
    package var padFrames = 0
    /// Frames at 48 kHz of the arrival to leave out, from its beginning.
    package var skipFrames = 0
    /// How much faster than it came the rest is to be played: 0.0005 is 500 ppm.
    package var rateCorrection = 0.0
  }

  /// The correction that is never exceeded: 0.05 % is a hundred-and-twentieth of a semitone.
  package static let largestCorrection = 0.0005
  /// Arrivals later than this are an outage, not jitter: no buffer is made deeper for them.
  package static let longestJitter = Duration.milliseconds(100)
  /// Lead beyond the target that is skipped at once.
  package static let burst = Duration.milliseconds(60)
  /// Lead beyond the target that is skipped when it has not been less for `settling`.
  package static let excess = Duration.milliseconds(20)
  /// The same, soon after sound had run out or come in a burst: nobody hears one more seam then.
  package static let excessAfterTrouble = Duration.milliseconds(6)
  private static let settling = Duration.milliseconds(400)
  private static let troubleTime = Duration.seconds(3)
  private static let averaging = 1.0  // seconds

  // Per second: 1 ms of error asks for 100 ppm; the integral finds the drift in half a minute.
  private static let proportional = 0.1
  private static let integral = 0.003

  private let fixedTarget: Duration?
  private let safety: Duration
  private var jitter = ArrivalJitter()
  private var averageLead: Double?  // seconds
  private var drift = 0.0
  private var lastArrival: HostTime?
  private var lastTrouble: HostTime?
  private var owedSkip = 0  // frames
  private var excess: (since: HostTime, sum: Double, count: Int)?  // of leads, in seconds

  /// Frames left out so far.
  package private(set) var skippedFrames = 0
  /// The correction in force, as a fraction.
  package private(set) var rateCorrection = 0.0

  /// A controller.
  ///
  /// - Parameters:
  ///   - fixedTarget: the lead to keep; nil finds it from the arrivals.
  ///   - safety: what an adaptive target keeps above the jitter, for the output's own unevenness.
  package init(fixedTarget: Duration?, safety: Duration = .milliseconds(6)) {
    self.fixedTarget = fixedTarget
    self.safety = safety
  }

  /// The lead that is being kept.
  package var target: Duration {
    fixedTarget ?? safety + max(.milliseconds(4), jitter.spread)
  }

  /// The average lead of the last second or so; nil before the first arrival.
  package var lead: Duration? {
    averageLead.map { .nanoseconds(Int64($0 * 1e9)) }
  }

  /// Takes note of an arrival.
  ///
  /// - Parameters:
  ///   - frames: its length at 48 kHz.
  ///   - lead: what waits for the output, less what it has played of its last request; a little
  ///     below zero is possible and harmless.
  ///   - silence: what the output has had to play of silence since the last arrival, dry.
  ///   - now: the instant of arrival.
  /// - Returns: how to play what has arrived.
  package mutating func arrival(
    frames: Int, lead: Duration, silence: Duration, now: HostTime
  ) -> Action {
    let elapsed = lastArrival.map { min(now - $0, .seconds(1)) } ?? .zero
    lastArrival = now
    let seconds = lead.inSeconds
    if let average = averageLead {
      let lateness = average - seconds + silence.inSeconds
      if lateness < Self.longestJitter.inSeconds { jitter.note(lateness: lateness, at: now) }
    }
    guard let average = averageLead, silence == .zero else {
      // Begin, or begin again after running dry, with just the lead that is wanted.
      averageLead = target.inSeconds
      lastTrouble = now
      excess = nil
      owedSkip = 0
      let pad = max(0, (target - lead).frames())
      return Action(padFrames: pad, rateCorrection: rateCorrection)
    }
    let weight = min(1, elapsed.inSeconds / Self.averaging)
    if owedSkip == 0 {
      let updated = average + (seconds - average) * weight
      averageLead = updated
      steer(error: updated - target.inSeconds, elapsed: elapsed)
    }
    decideOnSkipping(lead: lead, now: now)
    let skip = min(frames, owedSkip)
    owedSkip -= skip
    skippedFrames += skip
    return Action(skipFrames: skip, rateCorrection: rateCorrection)
  }

  private mutating func steer(error: Double, elapsed: Duration) {
    let bounded = min(max(error, -0.02), 0.02)
    drift += bounded * Self.integral * elapsed.inSeconds
    drift = min(max(drift, -Self.largestCorrection), Self.largestCorrection)
    let wanted = bounded * Self.proportional + drift
    rateCorrection = min(max(wanted, -Self.largestCorrection), Self.largestCorrection)
  }

  private mutating func decideOnSkipping(lead: Duration, now: HostTime) {
    let target = target
    if lead > target + Self.burst {
      lastTrouble = now
      oweSkip(lead.inSeconds)
      return
    }
    guard owedSkip == 0 else { return }
    let isTroubled = lastTrouble.map { now - $0 < Self.troubleTime } ?? false
    guard lead > target + (isTroubled ? Self.excessAfterTrouble : Self.excess) else {
      excess = nil
      return
    }
    var seen = excess ?? (since: now, sum: 0, count: 0)
    seen.sum += lead.inSeconds
    seen.count += 1
    excess = seen
    if now - seen.since > Self.settling { oweSkip(seen.sum / Double(seen.count)) }
  }

  /// From `lead` seconds down to the target, as arrivals give something to leave out.
  private mutating func oweSkip(_ lead: Double) {
    owedSkip = Int((lead - target.inSeconds) * Double(MediaTime.rate))
    averageLead = target.inSeconds
    excess = nil
  }
}
