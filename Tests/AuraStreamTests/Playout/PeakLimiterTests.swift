import AuraStream
import Testing

struct PeakLimiterTests {
  private func run(_ samples: [Float], block: Int = 480) -> [Float] {
    var limiter = PeakLimiter()
    var output: [Float] = []
    for start in stride(from: 0, to: samples.count, by: 2 * block) {
      var part = Array(samples[start..<min(samples.count, start + 2 * block)])
      var span = part.mutableSpan
      limiter.apply(to: &span)
      output += part
    }
    return output
  }

  @Test func quietSoundIsOnlyHeldBack() {
    var generator = SeededGenerator(seed: 1)
    let samples = (0..<9600).map { _ in Float.random(in: -0.9...0.9, using: &generator) }
    let output = run(samples, block: 77)
    let delay = 2 * PeakLimiter.delayFrames
    #expect(output[..<delay].allSatisfy { $0 == 0 })
    #expect(Array(output[delay...]) == Array(samples[..<(samples.count - delay)]))
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func nothingGoesBeyondTheCeiling(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var level: Float = 0.5
    let samples = (0..<48_000).map { index -> Float in
      if index % 500 == 0 { level = Float.random(in: 0...4, using: &generator) }
      return Float.random(in: -1...1, using: &generator) * level
    }
    #expect(run(samples).allSatisfy { abs($0) <= PeakLimiter.ceiling })
  }

  @Test func theGainFallsBeforeAPeakAndNeverJumps() {
    // A steady level with a burst four times as loud in it: the gain shows in the steady part.
    let samples = (0..<24_000).flatMap { frame -> [Float] in
      let value: Float = (9600..<9700).contains(frame) ? 2 : 0.5
      return [value, value]
    }
    let output = run(samples)
    let left = stride(from: 0, to: output.count, by: 2).map { output[$0] }
    let delay = PeakLimiter.delayFrames
    let gains = (delay..<left.count).map { left[$0] / samples[2 * ($0 - delay)] }
    let largestStep = zip(gains, gains.dropFirst()).map { abs($1 - $0) }.max() ?? 1
    #expect(largestStep < 1 / Float(delay))
    #expect(abs((gains.min() ?? 0) - PeakLimiter.ceiling / 2) < 0.001)
    // A tenth of a second later two thirds of it are back; a second later all.
    #expect(gains[9700 + 4800] > 0.8 && gains[9700 + 4800] < 0.85)
    #expect((gains.last ?? 0) > 0.97)
  }

  @Test func aLoudToneKeepsItsShape() {
    // A square would have thirds and fifths; a tone turned down has none.
    let samples = (0..<48_000).flatMap { frame -> [Float] in
      let phase = Double(frame % 48) / 48
      // A parabola each way: near enough to a sine for the sum below.
      let value = Float(
        phase < 0.5 ? 16 * phase * (0.5 - phase) : -16 * (phase - 0.5) * (1 - phase))
      return [2 * value, 2 * value]
    }
    let output = run(samples)
    let settled = stride(from: 60_000, to: output.count, by: 2).map { output[$0] }
    let peak = settled.max() ?? 0
    #expect(peak > 0.95 && peak <= PeakLimiter.ceiling)
    for (index, sample) in settled.enumerated() {
      let source = samples[2 * (30_000 + index - PeakLimiter.delayFrames)] / 2
      #expect(abs(sample - source * peak) < 0.01, "a flattened wave, \(index)")
      if abs(sample - source * peak) >= 0.01 { return }
    }
  }
}
