/// Where stereo sound is heard: one side more than the other, or both as one.
package struct MonoBalance: Equatable, Sendable {
  /// What a person may say: -100 is the left side only, 100 the right side only.
  package static let balances = -100...100

  private let left: Float
  private let right: Float
  private let isMono: Bool

  /// - Parameters:
  ///   - balance: of `balances`; away from 0 one side gets quieter, none louder.
  ///   - isMono: whether both sides play the mean of left and right.
  package init(balance: Int = 0, isMono: Bool = false) {
    precondition(Self.balances.contains(balance), "a balance out of range")
    left = balance > 0 ? Float(100 - balance) / 100 : 1
    right = balance < 0 ? Float(100 + balance) / 100 : 1
    self.isMono = isMono
  }

  /// Whether it leaves sound as it is.
  package var isNeutral: Bool { left == 1 && right == 1 && !isMono }

  /// Changes interleaved stereo in place.
  package func apply(to samples: inout MutableSpan<Float>) {
    if isNeutral { return }
    for frame in 0..<samples.count / 2 {
      var (a, b) = (samples[2 * frame], samples[2 * frame + 1])
      if isMono {
        a = (a + b) / 2
        b = a
      }
      samples[2 * frame] = a * left
      samples[2 * frame + 1] = b * right
    }
  }
}
