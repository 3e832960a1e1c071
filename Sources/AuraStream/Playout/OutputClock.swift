/// Knows when each frame given to an output is heard, and when it must be given.
package struct OutputClock: Sendable {
  /// An output that has not asked for this long does not play.
  package static let longestPause = Duration.milliseconds(250)
  private static let delaySmoothing = 1.0  // s

  private var fit = TimelineFit()
  private var last: OutputReport?
  private var largest = RecentLargest()
  private var smoothDelay = 0.0  // s

  package init() {}

  /// Times the output stopped and went on.
  package private(set) var pauses = 0

  /// From a request until its first frame is heard.
  package var delay: Duration { .nanoseconds(Int64(smoothDelay * 1e9)) }
  /// How long a request is.
  package var request: Duration { .frames(largest.value) }
  /// How much faster than this computer's clock the output plays, in parts per million.
  package var ratePPM: Double { fit.ratePPM }

  /// Whether it asks for sound.
  package func isRunning(now: HostTime) -> Bool {
    last.map { now - $0.instant < Self.longestPause } ?? false
  }

  /// Takes a report; one that has been seen changes nothing.
  package mutating func insert(_ report: OutputReport) {
    if let last {
      guard report.firstFrame > last.firstFrame else { return }
      let expected = Duration.frames(report.firstFrame - last.firstFrame)
      if report.instant - last.instant > expected + Self.longestPause {
        pauses += 1
        fit = TimelineFit()
      }
    }
    if fit.current == nil { smoothDelay = report.delay.inSeconds }
    let elapsed = last.map { (report.instant - $0.instant).inSeconds } ?? 0
    smoothDelay +=
      (report.delay.inSeconds - smoothDelay) * min(1, elapsed / Self.delaySmoothing)
    largest.insert(report.frames, at: report.instant)
    last = report
    fit.update(
      media: MediaTime(frames: Int64(report.firstFrame)), at: report.instant + report.delay)
  }

  /// When an output frame is heard; nil before the first report.
  ///
  /// - Parameter frame: its number, silence that was played included.
  /// - Returns: the instant, past or to come.
  package func instantHeard(_ frame: Int) -> HostTime? {
    fit.instant(of: MediaTime(frames: Int64(frame)))
  }

  /// When an output frame must have been given, so that the request that reaches for it finds it; nil
  /// before the first report.
  package func deadline(_ frame: Int) -> HostTime? {
    last.map { $0.instant + .frames(frame - $0.firstFrame - largest.value) }
  }
}

/// The largest of the last ten to twenty seconds: an output may ask for much once, at its start.
private struct RecentLargest: Sendable {
  private static let halfWindow = Duration.seconds(10)
  private var current = 0
  private var previous = 0
  private var began: HostTime?

  var value: Int { max(current, previous) }

  mutating func insert(_ value: Int, at now: HostTime) {
    guard let began else {
      self.began = now
      current = value
      return
    }
    if now - began >= Self.halfWindow {
      previous = current
      current = value
      self.began = now
    } else {
      current = max(current, value)
    }
  }
}
