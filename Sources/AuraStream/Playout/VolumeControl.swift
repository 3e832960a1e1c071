/// How loud a listener hears, and on which side: balance or mono, volume, and a limiter.
///
/// Up to 100 % it only multiplies. Above, a limiter that looks 2 ms ahead keeps loud passages from
/// clipping, and so holds the sound back by `delayFrames`.
package struct VolumeControl: Sendable {
  /// What a person may say, in percent of the original loudness.
  package static let percents = 0...200

  private let volume: Float
  private let balance: MonoBalance
  private var limiter: PeakLimiter?

  /// - Parameters:
  ///   - percent: of `percents`.
  ///   - balance: applied first, so that what it takes away need not be limited.
  package init(percent: Int, balance: MonoBalance = MonoBalance()) {
    precondition(Self.percents.contains(percent), "a volume out of range")
    volume = Float(percent) / 100
    self.balance = balance
    limiter = percent > 100 ? PeakLimiter() : nil
  }

  /// By how many frames it holds sound back.
  package var delayFrames: Int { limiter == nil ? 0 : PeakLimiter.delayFrames }

  /// Changes sound in place; nothing is allocated.
  ///
  /// - Parameter samples: interleaved stereo at 48 kHz or near.
  package mutating func apply(to samples: inout MutableSpan<Float>) {
    balance.apply(to: &samples)
    if volume != 1 { for index in samples.indices { samples[index] *= volume } }
    limiter?.apply(to: &samples)
  }
}
