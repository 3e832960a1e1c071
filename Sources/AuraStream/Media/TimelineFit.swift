/// Fits a broadcast's media time against host time: the instants sound servers report, smoothed.
///
/// A second-order delay-locked loop (F. Adriaensen, "Using a DLL to filter time", 2005), for blocks
/// of any length: it follows offset and rate, 0.1 Hz wide at first and 0.01 Hz after 100 s. Instants
/// far off are left out, since one late block says nothing about the clock; when they stay off for
/// half a second the source has moved and the line is moved at once, its rate kept.
package struct TimelineFit: Sendable {
  /// Hertz: how wide the loop is when it begins and after a step, and in the end.
  private static let bandwidths = (first: 0.1, last: 0.01)
  /// Seconds after which the loop narrows, and to which its age falls back after a step.
  private static let youth = 1 / bandwidths.first
  /// Nanoseconds an instant may always be off; and how many times the usual.
  private static let tolerance = (least: 2e6, times: 6.0)
  /// What is usual while nothing is known, in nanoseconds: a gap begins at six times that.
  private static let firstSpread = 5e6
  private static let secondsUntilStep = 0.5
  /// Seconds over which the spread is averaged.
  private static let spreadWindow = 20.0
  /// Seconds without any instant after which the rate cannot be trusted to have held.
  private static let longestPause = 10.0

  private var line: TimelineLine?
  /// What the line's instant lacks, below a nanosecond.
  private var residue = 0.0
  private var age = 0.0
  private var spread = firstSpread
  private var strays = Strays()
  private var lean = Lean()

  package init() {}

  /// The line as it stands; nil before the first instant.
  package var current: TimelineLine? { line }

  /// How far instants are usually off the line.
  package var jitter: Duration { .nanoseconds(Int64(spread)) }

  /// Whether the loop has had time to become narrow: 100 s of sound since it began or stepped.
  package var isSettled: Bool { age >= 1 / Self.bandwidths.last }

  /// The instant at which a frame was or will be captured; nil before the first update.
  package func instant(of time: MediaTime) -> HostTime? { line?.instant(of: time) }

  /// The frame captured nearest to an instant; nil before the first update.
  package func mediaTime(at instant: HostTime) -> MediaTime? { line?.mediaTime(at: instant) }

  /// How much faster than the host's clock the sound is captured, in parts per million.
  package var ratePPM: Double { line?.ratePPM ?? 0 }

  /// Learns when a frame was captured.
  ///
  /// - Parameters:
  ///   - media: a frame, usually a block's first; one that does not advance is left out.
  ///   - instant: its capture instant, as the sound server reported it.
  package mutating func update(media: MediaTime, at instant: HostTime) {
    guard let line else {
      line = TimelineLine(media: media, host: instant)
      return
    }
    let frames = media.frames - line.media.frames
    guard frames > 0 else { return }
    let expected = Double(frames) * line.nanosecondsPerFrame + residue
    let error = Double(instant.nanoseconds - line.host.nanoseconds) - expected
    let seconds = Double(frames) / Double(MediaTime.rate)
    if seconds > Self.longestPause { age = min(age, Self.youth) }
    if abs(error) > max(Self.tolerance.least, Self.tolerance.times * spread) {
      strays.insert(error, at: media)
      guard strays.seconds >= Self.secondsUntilStep else { return }
      step(by: strays.mean, to: media, expected: expected)
    } else if let offset = lean.insert(error, seconds: seconds, spread: spread) {
      step(by: offset, to: media, expected: expected)
    } else {
      learn(error, frames: Double(frames), expected: expected, media: media)
      age += seconds
    }
    strays = Strays()
  }

  private mutating func step(by offset: Double, to media: MediaTime, expected: Double) {
    advance(to: media, by: expected + offset)
    age = min(age, Self.youth)
    lean = Lean()
  }

  private mutating func learn(
    _ error: Double, frames: Double, expected: Double, media: MediaTime
  ) {
    let seconds = frames / Double(MediaTime.rate)
    let bandwidth = min(Self.bandwidths.first, max(Self.bandwidths.last, 1 / max(age, 1e-9)))
    // Wider steps would not be stable.
    let step = min(0.5, 2 * Double.pi * bandwidth * seconds)
    advance(to: media, by: expected + 2.0.squareRoot() * step * error)
    line?.nanosecondsPerFrame += step * step * error / frames
    spread += (abs(error) - spread) * min(1, seconds / Self.spreadWindow)
  }

  private mutating func advance(to media: MediaTime, by nanoseconds: Double) {
    let whole = nanoseconds.rounded()
    line?.media = media
    line?.host.nanoseconds += Int64(whole)
    residue = nanoseconds - whole
  }
}

/// Instants in a row that are far off the line.
private struct Strays: Sendable {
  private var sum = 0.0
  private var count = 0
  private var span: (first: MediaTime, last: MediaTime)?

  var mean: Double { count == 0 ? 0 : sum / Double(count) }

  /// From the first to the last.
  var seconds: Double {
    guard let span else { return 0 }
    return Double(span.last.frames - span.first.frames) / Double(MediaTime.rate)
  }

  mutating func insert(_ error: Double, at media: MediaTime) {
    sum += error
    count += 1
    span = (span?.first ?? media, media)
  }
}

/// To which side instants lie, by the mean of each second.
private struct Lean: Sendable {
  /// Nanoseconds a mean may always be off; and how many times the spread.
  private static let tolerance = (least: 1e6, times: 2.0)

  private var sum = 0.0
  private var count = 0
  private var seconds = 0.0
  private var last = 0.0

  /// - Returns: how far the source has moved: where two seconds in a row agree that it has.
  mutating func insert(_ error: Double, seconds passed: Double, spread: Double) -> Double? {
    sum += error
    count += 1
    seconds += passed
    guard seconds >= 1 else { return nil }
    let mean = sum / Double(count)
    let before = last
    (sum, count, seconds, last) = (0, 0, 0, mean)
    let isFar = abs(mean) > max(Self.tolerance.least, Self.tolerance.times * spread)
    return isFar && abs(mean - before) < abs(mean) / 4 ? mean : nil
  }
}
