/// When frames were captured, on the server's clock, from its sender reports (RFC 3550 section 6.4.1).
package struct SenderTimeline: Sendable {
  /// How far a report may be off the line: more is a new line, once a second report says so too.
  private static let tolerance = Duration.milliseconds(2)
  /// A timestamp counts whole frames.
  private static let resolution = 10_000.0  // ns
  /// Reports of half a minute.
  private static let most = 32

  private var estimator = DriftEstimator(capacity: most, expectedPPM: 200)
  private var suspect: (media: MediaTime, at: HostTime)?

  /// Times the line has been moved.
  package private(set) var steps = 0

  package init() {}

  /// How much faster than the server's clock the sound is captured.
  package var ratePPM: Double { -(estimator.line?.ppm ?? 0) }

  /// The capture instants, on the server's clock; nil before the first report.
  package var line: TimelineLine? {
    estimator.line.map { line in
      let media = MediaTime(frames: line.time / 62_500 * 3 + line.time % 62_500 * 3 / 62_500)
      return TimelineLine(
        media: media,
        host: HostTime(
          nanoseconds: Self.nanoseconds(media)
            + line.difference(at: Self.nanoseconds(media))),
        nanosecondsPerFrame: TimelineLine.nominal * (1 + line.slope))
    }
  }

  /// Takes a report.
  ///
  /// - Parameters:
  ///   - media: its media time.
  ///   - server: the instant on the server's clock that belongs to it.
  package mutating func insert(media: MediaTime, at server: HostTime) {
    if let line, Self.isFar(server, from: line.instant(of: media)) {
      guard let first = suspect,
        !Self.isFar(server - (.frames(Int(media.frames - first.media.frames))), from: first.at)
      else {
        suspect = (media, server)
        return
      }
      steps += 1
      estimator.reset()
      add(media: first.media, at: first.at)
    }
    suspect = nil
    add(media: media, at: server)
  }

  private mutating func add(media: MediaTime, at server: HostTime) {
    let time = Self.nanoseconds(media)
    estimator.insert(
      .init(time: time, difference: server.nanoseconds - time, deviation: Self.resolution))
  }

  private static func isFar(_ a: HostTime, from b: HostTime) -> Bool {
    let error = a - b
    return error > tolerance || error < .zero - tolerance
  }

  /// As a clock that runs at the nominal rate.
  private static func nanoseconds(_ time: MediaTime) -> Int64 {
    time.frames / 3 * 62_500 + time.frames % 3 * 62_500 / 3
  }
}
