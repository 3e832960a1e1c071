/// Joins sound that does not continue what came before, so that the join does not click.
///
/// Over 2 ms the last frame heard dies away under the new sound as that fades in.
package struct SpliceFader: Sendable {
  /// 2 ms at 48 kHz.
  package static let frames = 96

  private var lastLeft: Float = 0
  private var lastRight: Float = 0
  private var fromLeft: Float = 0
  private var fromRight: Float = 0
  private var position = SpliceFader.frames

  package init() {}

  /// Says that the next frame does not continue the last.
  package mutating func splice() {
    fromLeft = lastLeft
    fromRight = lastRight
    position = 0
  }

  /// Smooths a join if one is under way, and remembers the last frame.
  ///
  /// - Parameters:
  ///   - samples: interleaved stereo, changed in place.
  ///   - frames: which of its frames are the next ones; nil means all.
  package mutating func apply(to samples: inout MutableSpan<Float>, frames: Range<Int>? = nil) {
    let frames = frames ?? 0..<samples.count / 2
    guard let last = frames.last else { return }
    for frame in frames.prefix(Self.frames - position) {
      let gain = Float(position) / Float(Self.frames)
      samples[2 * frame] = samples[2 * frame] * gain + fromLeft * (1 - gain)
      samples[2 * frame + 1] = samples[2 * frame + 1] * gain + fromRight * (1 - gain)
      position += 1
    }
    lastLeft = samples[2 * last]
    lastRight = samples[2 * last + 1]
  }
}
