/// Knows when each frame given to an output is heard, and when it must be given.
package struct OutputClock: Sendable {
  /// An output that has not asked for this long does not play.
  package static let longestPause = Duration.milliseconds(250)
  private static let delaySmoothing = 1.0  // s
  /// How far the middle of the latest reports may be off the line; beyond, the output has moved.
  private static let farthest = Duration.milliseconds(3)

  private var fit = TimelineFit()
  private var latest = LatestReports()
  private var last: OutputReport?
  private var largest = RecentLargest()
  private var smoothDelay = 0.0  // s

  package init() {}

  /// Times the output stopped and went on.
  package private(set) var pauses = 0
  /// Times it was found to be heard earlier or later than before: another device, or a word of its
  /// delay that was wrong.
  package private(set) var moves = 0

  /// From a request until its first frame is heard.
  package var delay: Duration { max(.zero, corrected) }
  /// The same as it was told: less than nothing where a person says that the output tells too much.
  package var corrected: Duration { .nanoseconds(Int64(saturating: smoothDelay * 1e9)) }
  /// How long a request is, in frames, at least: of an output that has been asked for longer ones.
  package var leastRequest = 0
  /// How long a request is.
  package var request: Duration { .frames(requestFrames) }
  private var requestFrames: Int { max(largest.value, leastRequest) }
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
        latest = LatestReports()
      }
    }
    if latest.isEmpty { smoothDelay = report.delay.inSeconds }
    let elapsed = last.map { (report.instant - $0.instant).inSeconds } ?? 0
    smoothDelay +=
      (report.delay.inSeconds - smoothDelay) * min(1, elapsed / Self.delaySmoothing)
    largest.insert(report.frames, at: report.instant)
    last = report
    follow(MediaTime(frames: Int64(report.firstFrame)), at: report.instant + report.delay)
  }

  /// The first reports of an output are often far off, and would lead a narrow loop astray for seconds:
  /// it begins at the middle of a whole second of them, and anew where the latest have moved away.
  private mutating func follow(_ frame: MediaTime, at heard: HostTime) {
    latest.insert(frame, at: heard)
    guard latest.isFull, let middle = latest.middle(at: frame) else {
      if fit.current != nil { fit.update(media: frame, at: heard) }
      return
    }
    guard let line = fit.instant(of: frame) else {
      fit.update(media: frame, at: middle)
      return
    }
    let error = middle - line
    let farthest = max(Self.farthest, fit.jitter)
    guard latest.agree(within: farthest), error > farthest || error < .zero - farthest else {
      fit.update(media: frame, at: heard)
      return
    }
    moves += 1
    fit = TimelineFit()
    fit.update(media: frame, at: middle)
    latest = LatestReports()
  }

  /// When an output frame is heard; nil before the first report.
  ///
  /// - Parameter frame: its number, silence that was played included.
  /// - Returns: the instant, past or to come.
  package func instantHeard(_ frame: Int) -> HostTime? {
    let frame = MediaTime(frames: Int64(frame))
    return fit.instant(of: frame) ?? latest.middle(at: frame)
  }

  /// When an output frame must have been given, so that the request that reaches for it finds it; nil
  /// before the first report.
  package func deadline(_ frame: Int) -> HostTime? {
    last.map { $0.instant + .frames(frame - $0.firstFrame - requestFrames) }
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

/// Where the reports of the last second lie, by their middle: a few that are wild do not move it.
private struct LatestReports: Sendable {
  private static let window: Int64 = 48_000
  private static let most = 64

  private var points: [(frame: Int64, offset: Int64)] = []
  private var middleOffset: Int64?
  private var newestOffset: Int64?

  init() { points.reserveCapacity(Self.most + 1) }

  var isEmpty: Bool { points.isEmpty }

  /// Whether a whole second is known.
  private(set) var isFull = false

  mutating func insert(_ frame: MediaTime, at heard: HostTime) {
    if let last = points.last, frame.frames - last.frame < Self.window / Int64(Self.most) { return }
    points.append((frame.frames, heard.nanoseconds - Self.nominal(frame)))
    let old = points.prefix { frame.frames - $0.frame >= Self.window }.count
    if old > 0 { isFull = true }
    points.removeFirst(max(old, points.count - Self.most))
    middleOffset = Self.middle(points[...])
    newestOffset = Self.middle(points.suffix(Self.most / 4))
  }

  /// Whether the newest quarter says the same as all of them: a move is not half seen.
  func agree(within most: Duration) -> Bool {
    guard let middleOffset, let newestOffset else { return false }
    return abs(newestOffset - middleOffset) <= most.inNanoseconds
  }

  private static func middle(_ points: ArraySlice<(frame: Int64, offset: Int64)>) -> Int64? {
    points.isEmpty ? nil : points.map(\.offset).sorted()[points.count / 2]
  }

  /// When a frame is heard, as most reports say; nil before the first.
  func middle(at frame: MediaTime) -> HostTime? {
    middleOffset.map { HostTime(nanoseconds: Self.nominal(frame) + $0) }
  }

  /// As a clock that runs at the nominal rate.
  private static func nominal(_ frame: MediaTime) -> Int64 { frame.frames * 62_500 / 3 }
}
