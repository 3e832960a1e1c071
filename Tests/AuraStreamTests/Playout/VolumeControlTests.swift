import AuraStream
import Testing

struct VolumeControlTests {
  private func run(_ percent: Int, _ samples: [Float], _ balance: MonoBalance = .init()) -> [Float]
  {
    var control = VolumeControl(percent: percent, balance: balance)
    var samples = samples
    var span = samples.mutableSpan
    control.apply(to: &span)
    return samples
  }

  @Test func hundredChangesNothing() {
    let samples: [Float] = [0.1, -2, 1.5, 0]
    #expect(run(100, samples) == samples)
    #expect(VolumeControl(percent: 100).delayFrames == 0)
  }

  @Test func fiftyHalvesAndZeroSilences() {
    #expect(run(50, [0.5, -1]) == [0.25, -0.5])
    #expect(run(0, [0.5, -1]) == [0, 0])
  }

  @Test func quietSoundIsDoubledALittleLater() {
    let delay = VolumeControl(percent: 200).delayFrames
    let quiet: [Float] = [0.2, -0.4] + [Float](repeating: 0, count: 2 * delay)
    #expect(run(200, quiet)[(2 * delay)...] == [0.4, -0.8])
  }

  @Test func loudSoundIsLimitedWithoutClipping() {
    // Half a second of a tone at 0.9, a single peak far above it in the middle.
    let loud = (0..<48_000).map { index in
      let peak: Float = index / 2 == 12_000 ? 3 : 0.9
      return (index % 192 < 96 ? peak : -peak) / (index % 2 == 0 ? 1 : 2)
    }
    let played = run(200, loud)
    #expect(played.allSatisfy { abs($0) <= PeakLimiter.ceiling })
    #expect(played.suffix(960).contains { abs($0) > 0.9 })
    // Both sides are turned down alike.
    #expect((0..<24_000).allSatisfy { abs(played[2 * $0] - 2 * played[2 * $0 + 1]) < 1e-4 })
  }

  @Test func whatBalanceTakesAwayIsNotLimited() {
    let control = VolumeControl(percent: 150)
    let loudLeft = (0..<1_920).map { Float($0 % 2 == 0 ? 0.9 : 0.2) }
    let played = run(150, loudLeft, MonoBalance(balance: 100))
    #expect(abs((played.last ?? 0) - 0.3) < 1e-6)
    #expect(played[2 * control.delayFrames] == 0)
  }
}
