import AuraStream
import Testing

struct VolumeControlTests {
  private func run(_ percent: Int, _ samples: [Float]) -> [Float] {
    var control = VolumeControl(percent: percent)
    var samples = samples
    var span = samples.mutableSpan
    control.apply(to: &span)
    return samples
  }

  @Test func hundredChangesNothing() {
    let samples: [Float] = [0.1, -2, 1.5, 0]
    #expect(run(100, samples) == samples)
  }

  @Test func fiftyHalvesAndZeroSilences() {
    #expect(run(50, [0.5, -1]) == [0.25, -0.5])
    #expect(run(0, [0.5, -1]) == [0, 0])
  }

  @Test func quietSoundIsDoubled() {
    #expect(run(200, [0.2, -0.4]) == [0.4, -0.8])
  }

  @Test func loudSoundIsLimitedWithoutClipping() {
    let loud = (0..<9600).map { $0 % 96 < 48 ? Float(0.9) : -0.9 }
    let played = run(200, loud)
    #expect(played.allSatisfy { abs($0) <= VolumeControl.ceiling + 1e-6 })
    #expect(played.suffix(960).contains { abs($0) > 0.9 })
  }
}
