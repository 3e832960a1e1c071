package import AuraStream

/// Which frame of a stream is at its device when, from the server's reports.
///
/// Each report says where the stream stands; they agree to some 0.1 ms. A small difference is
/// taken over slowly (two clocks drift), a large one when the next report confirms it (the stream
/// was suspended or moved; a single one is a report that was held up on its way).
package struct PulseClock: Sendable {
  /// More than reports and drift can differ by.
  private static let jump = Duration.milliseconds(10)
  /// How well two reports must agree to be believed against all earlier ones.
  private static let agreement = Duration.milliseconds(5)
  /// The weight of a report once there are this many.
  private static let steadyReports = 10

  private var origin: HostTime?  // of frame 0
  private var suspect: HostTime?
  private var reports = 0

  package init() {}

  /// Whether anything has been reported yet.
  package var isKnown: Bool { origin != nil }

  /// Whether the last report must be confirmed by another one, soon.
  package var isInDoubt: Bool { suspect != nil }

  /// Takes a report.
  ///
  /// - Parameters:
  ///   - position: how much of the stream had passed the device.
  ///   - now: the instant it is about.
  package mutating func report(position: Duration, at now: HostTime) {
    let reported = now - position
    guard let known = origin else {
      restart(at: reported)
      return
    }
    let error = reported - known
    if Self.isWithin(Self.jump, error) {
      suspect = nil
      reports = min(reports + 1, Self.steadyReports)
      origin = known + error / reports
    } else if let suspect, Self.isWithin(Self.agreement, reported - suspect) {
      restart(at: reported)
    } else {
      suspect = reported
    }
  }

  /// When a frame is at the device; nil before the first report.
  package func instant(ofFrame frame: Int) -> HostTime? {
    origin.map { $0 + .frames(frame) }
  }

  private mutating func restart(at reported: HostTime) {
    origin = reported
    suspect = nil
    reports = 1
  }

  private static func isWithin(_ limit: Duration, _ difference: Duration) -> Bool {
    .zero - limit < difference && difference < limit
  }
}
