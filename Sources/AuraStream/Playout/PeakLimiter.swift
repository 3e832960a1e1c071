/// Keeps loud sound below full scale without clipping it, by looking 2 ms ahead.
///
/// The gain falls smoothly before a peak and comes back over about 100 ms: neither a step nor a
/// flattened wave is heard. The sound is held back by `delayFrames`.
package struct PeakLimiter: Sendable {
  /// The highest amplitude that leaves it: -0.1 dB below full scale.
  package static let ceiling: Float = 0.988
  /// 2 ms at 48 kHz: how far it looks ahead, and so how far it holds sound back.
  package static let delayFrames = 96
  private static let release: Float = 1 / 4_800

  /// The last frames in, interleaved; the oldest is the next one out.
  private var waiting = [Float](repeating: 0, count: 2 * delayFrames)
  /// The gains that the last frames allow, and the smallest of them made to last, to be averaged.
  private var allowed = [Float](repeating: 1, count: delayFrames)
  private var lasting = [Float](repeating: 1, count: delayFrames)
  private var sum = Double(delayFrames)
  private var gain: Float = 1
  private var position = 0
  /// Where the smallest allowed gain is, as long as it is known.
  private var smallest: (gain: Float, age: Int) = (1, 0)

  package init() {}

  /// The most the sound is being turned down now: 1 is not at all.
  package var currentGain: Float { Float(sum / Double(Self.delayFrames)) }

  /// Limits in place: what comes out is what went in `delayFrames` ago.
  ///
  /// - Parameter samples: interleaved stereo at 48 kHz or near, of any amplitude.
  package mutating func apply(to samples: inout MutableSpan<Float>) {
    for frame in 0..<samples.count / 2 {
      let left = samples[2 * frame]
      let right = samples[2 * frame + 1]
      let held = hold(peak: max(abs(left), abs(right)))
      // Back slowly, down at once; the average below makes "at once" 2 ms.
      gain = min(held, gain + (1 - gain) * Self.release)
      sum += Double(gain) - Double(lasting[position])
      lasting[position] = gain
      // The last bits of a long sum of rounded numbers must not lift a peak above full scale.
      let average = min(1, Float(sum / Double(Self.delayFrames)))
      samples[2 * frame] = bounded(waiting[2 * position] * average)
      samples[2 * frame + 1] = bounded(waiting[2 * position + 1] * average)
      waiting[2 * position] = left
      waiting[2 * position + 1] = right
      position = position + 1 == Self.delayFrames ? 0 : position + 1
    }
  }

  private func bounded(_ sample: Float) -> Float {
    min(max(sample, -Self.ceiling), Self.ceiling)
  }

  /// The smallest gain that the frames within reach allow, the newest one included.
  private mutating func hold(peak: Float) -> Float {
    let now = peak > Self.ceiling ? Self.ceiling / peak : 1
    allowed[position] = now
    smallest.age += 1
    if now <= smallest.gain {
      smallest = (now, 0)
    } else if smallest.age >= Self.delayFrames {
      // It has left: look for the next one.
      smallest = (1, 0)
      for back in 0..<Self.delayFrames {
        let place = (position - back + Self.delayFrames) % Self.delayFrames
        if allowed[place] < smallest.gain { smallest = (allowed[place], back) }
      }
    }
    return smallest.gain
  }
}
