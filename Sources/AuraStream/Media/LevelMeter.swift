/// How loud the sound is, for the eye: a peak that falls by 20 dB a second.
package struct LevelMeter: Sendable {
  /// What is shown for silence.
  package static let floor = -96.0
  private static let fallPerSecond = 20.0

  /// Decibels relative to full scale, from -96 to 0 or a little above.
  package private(set) var decibels = LevelMeter.floor

  package init() {}

  /// Measures a block.
  ///
  /// - Parameters:
  ///   - samples: interleaved; any number of channels.
  ///   - duration: how long the block sounds.
  package mutating func measure(_ samples: Span<Float>, duration: Duration) {
    var peak: Float = 0
    for index in samples.indices { peak = max(peak, abs(samples[index])) }
    let fallen = decibels - Self.fallPerSecond * duration.inMilliseconds / 1000
    decibels = max(Self.floor, fallen, decibelsOfAmplitude(Double(peak)))
  }
}

/// 20 log10 without a mathematics library: exact to 0.01 dB, enough for a meter.
func decibelsOfAmplitude(_ amplitude: Double) -> Double {
  guard amplitude > 1e-5, amplitude.isFinite else { return LevelMeter.floor }
  // log2(m · 2^e) = e + log2(m), m in 1..<2, by the series of atanh.
  let ratio = (amplitude.significand - 1) / (amplitude.significand + 1)
  let square = ratio * ratio
  let series = ratio * (1 + square * (1 / 3.0 + square * (1 / 5.0 + square * (1 / 7.0))))
  let log2 = Double(amplitude.exponent) + 2 * series / 0.693_147_180_559_945_3
  return log2 * 6.020_599_913_279_624
}
