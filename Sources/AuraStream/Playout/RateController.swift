/// Turns how late sound is heard into how much faster it is played: softly enough not to be heard.
///
/// A proportional-integral loop, critically damped. A drift of 300 ppm that sets in costs 0.7 ms at
/// worst, a tenth of that after half a minute; its integral is the drift. The error is smoothed and the
/// speed changes slowly, so what jitters does not become a tremolo.
package struct RateController: Sendable {
  /// The change of speed that is never exceeded: 0.1 % is a sixtieth of a semitone.
  package static let largest = 0.001
  /// How fast the speed may change, per second.
  private static let steepest = 0.000_5
  private static let frequency = 0.15  // rad/s
  private static let proportional = 2 * frequency
  private static let integral = frequency * frequency
  private static let smoothing = 0.5  // s

  private var smoothError: Double?
  private var drift = 0.0

  /// How much faster sound is played now: 0.000_1 is 100 ppm.
  package private(set) var speed = 0.0

  package init() {}

  /// What is corrected all the time: how much faster sound is made than played, in parts per million.
  package var driftPPM: Double { drift * 1e6 }

  /// Steers.
  ///
  /// - Parameters:
  ///   - error: how late sound is heard, in seconds; negative where it is early.
  ///   - elapsed: since the last time, in seconds.
  /// - Returns: the speed to play at from now on.
  @discardableResult
  package mutating func update(error: Double, elapsed: Double) -> Double {
    guard elapsed > 0 else { return speed }
    let last = smoothError ?? error
    let smooth = last + (error - last) * min(1, elapsed / Self.smoothing)
    smoothError = smooth
    let wanted = Self.proportional * smooth + drift
    // While the speed is at its limit, an integral would only wind up.
    if abs(wanted) < Self.largest || wanted * smooth < 0 {
      drift += Self.integral * smooth * elapsed
      drift = min(max(drift, -Self.largest), Self.largest)
    }
    let step = Self.steepest * elapsed
    let aimed = min(max(wanted, -Self.largest), Self.largest)
    speed += min(max(aimed - speed, -step), step)
    return speed
  }

  /// Sound has been put where it belongs: the error is gone, the drift is not.
  package mutating func align() { smoothError = nil }
}
