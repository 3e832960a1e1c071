/// Counts the frames that a sound graph has gone through without us, by the graph's own count of them.
///
/// A graph does not wait for a program that is late: the cycle goes by, and leaves a hole in what the program
/// hears or plays. The next call looks like any other, but for the graph's count. Instants tell the same, though
/// not at once: they wobble by as much as a cycle.
///
/// Who is woken late may be told of the cycle under way already, and called once more for it: then the count that
/// seemed to have jumped stands still, and less was missed.
package struct MissedCycles: Sendable {
  /// Frames: the shortest cycle there is. Less than that is the rounding of a resampler.
  private static let least: Int64 = 32
  /// Frames, 250 ms: after more than that the graph has stood still or has another clock.
  private static let most: Int64 = 12_000

  private var lastTicks: UInt64?
  private var lastFrames = 0

  package init() {}

  /// Takes note of a call.
  ///
  /// - Parameters:
  ///   - ticks: the graph's count at the beginning of its cycle.
  ///   - frequency: ticks a second.
  ///   - frames: what this call takes or gives, at 48 kHz.
  /// - Returns: the frames, at 48 kHz, between the last call's and this one's that nobody took or gave; below zero
  ///   those of the last answer that were not missed after all.
  package mutating func call(ticks: UInt64, frequency: Double, frames: Int) -> Int {
    defer {
      lastTicks = ticks
      lastFrames = frames
    }
    guard let lastTicks, frequency > 0 else { return 0 }
    if ticks == lastTicks { return -frames }
    guard ticks > lastTicks else { return 0 }
    let seconds = Double(ticks - lastTicks) / frequency
    // The longer of the two: where cycles change their length, and where one call has the sound of two.
    let missed =
      Int64(saturating: seconds * Double(MediaTime.rate)) - Int64(max(frames, lastFrames))
    return (Self.least...Self.most).contains(missed) ? Int(missed) : 0
  }
}
