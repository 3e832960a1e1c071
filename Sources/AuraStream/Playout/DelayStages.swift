/// Where a frame's time goes between capture and ear, averaged over a few seconds.
package struct DelayStages: Equatable, Sendable {
  private static let averaging = 2.0  // s

  /// From its capture to its packet's arrival: capture, coding, network; nil where capture instants are
  /// not known.
  package private(set) var arrival: Duration?
  /// From arrival to decoding: the jitter buffer.
  package private(set) var buffer = Duration.zero
  /// From decoding until the output takes it: resampler, limiter, and what waits for the output.
  package private(set) var waiting = Duration.zero
  /// From there to the ear, as the sound system says.
  package private(set) var output = Duration.zero
  private var last: HostTime?

  package init() {}

  mutating func note(arrival lateness: Duration?) {
    guard let lateness else {
      arrival = nil
      return
    }
    arrival = arrival.map { $0 + (lateness - $0) / 100 } ?? lateness
  }

  mutating func note(buffer: Duration, waiting: Duration, output: Duration, now: HostTime) {
    let elapsed = last.map { (now - $0).inSeconds } ?? Self.averaging
    last = now
    let weight = min(1, max(0, elapsed / Self.averaging))
    self.buffer += (buffer - self.buffer) * weight
    self.waiting += (waiting - self.waiting) * weight
    self.output += (output - self.output) * weight
  }
}
