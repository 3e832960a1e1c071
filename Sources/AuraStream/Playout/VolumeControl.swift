/// A listener's volume, with a limiter that keeps amplified sound from clipping.
///
/// Up to 100 % it only multiplies. Above, a peak limiter turns loud passages down at once and lets
/// go over about 100 ms; the gain changes smoothly from block to block, so no step is heard.
package struct VolumeControl: Sendable {
  /// The highest amplitude that leaves the limiter: -0.1 dB below full scale.
  package static let ceiling: Float = 0.988
  private static let releaseFrames: Float = 4_800  // 100 ms

  private let volume: Float
  private var limit: Float = 1

  /// A control for `percent` of the original loudness, 0 to 200.
  package init(percent: Int) { volume = Float(percent) / 100 }

  /// Applies the volume in place.
  ///
  /// - Parameter samples: interleaved stereo at 48 kHz or near.
  package mutating func apply(to samples: inout MutableSpan<Float>) {
    if volume == 1 { return }
    for frame in 0..<samples.count / 2 {
      let left = samples[2 * frame] * volume
      let right = samples[2 * frame + 1] * volume
      let peak = max(abs(left), abs(right))
      if volume > 1 {
        limit = min(1, limit + (1 - limit) / Self.releaseFrames)
        if peak * limit > Self.ceiling { limit = Self.ceiling / peak }
      }
      samples[2 * frame] = left * limit
      samples[2 * frame + 1] = right * limit
    }
  }
}
