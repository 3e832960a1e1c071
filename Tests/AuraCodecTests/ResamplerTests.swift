import AuraCodec
import Foundation
import Testing

/// Converts all of `input` in blocks whose lengths repeat `sizes`, and what is held back.
private func convert(
  _ input: [Float], with resampler: inout Resampler, sizes: [Int], channels: Int = 2
) -> [Float] {
  var output: [Float] = []
  var frame = 0
  var turn = 0
  let frames = input.count / channels
  while frame < frames {
    let count = min(sizes[turn % sizes.count], frames - frame)
    let block = input.span.extracting(frame * channels..<(frame + count) * channels)
    resampler.convert(block, appendingTo: &output)
    frame += count
    turn += 1
  }
  resampler.finish(appendingTo: &output)
  return output
}

private let cases: [(Int, Int, Resampler.Ratio)] = [
  (48_000, 44_100, .fixed), (44_100, 48_000, .fixed), (48_000, 96_000, .fixed),
  (8_000, 48_000, .fixed), (48_000, 8_000, .fixed),
  (48_000, 44_100, .varying), (44_100, 48_000, .varying), (192_000, 48_000, .varying),
]

@Suite struct ResamplerTests {
  @Test(arguments: cases)
  func blocksOfAnySizeGiveWhatOneCallGives(from: Int, to: Int, ratio: Resampler.Ratio) throws {
    let input = tone(hertz: 997, rate: from, frames: from / 8)
    var resampler = try Resampler(channels: 2, inputRate: from, outputRate: to, ratio: ratio)
    let whole = convert(input, with: &resampler, sizes: [input.count])
    let expected = Double(from / 8) * Double(to) / Double(from)
    #expect(abs(Double(whole.count / 2) - expected) <= 2)
    for sizes in [[240], [1024], [1, 7, 300, 2, 4999], [1]] {
      let pieces = convert(input, with: &resampler, sizes: sizes)
      #expect(abs(pieces.count - whole.count) <= 2)
      var worst: Float = 0
      for (a, b) in zip(pieces, whole) { worst = max(worst, abs(a - b)) }
      #expect(worst < 1e-5, "blocks of \(sizes)")
    }
  }

  @Test(arguments: cases)
  func aToneStaysWhereItIsAndAsLoud(from: Int, to: Int, ratio: Resampler.Ratio) throws {
    let input = tone(hertz: 997, rate: from, frames: from)
    var resampler = try Resampler(channels: 2, inputRate: from, outputRate: to, ratio: ratio)
    let output = channel(1, of: convert(input, with: &resampler, sizes: [480]), channels: 2)
    let fit = fitSine(output[to / 4..<to * 3 / 4], hertz: 997, rate: to)
    #expect(fit.decibelsAboveRest > 100)
    #expect(abs(fit.amplitude - 0.5) < 0.0005)
    // Aligned: output frame n is the input at the same time.
    let ideal = tone(hertz: 997, rate: to, frames: to, channels: 1)
    var worst: Float = 0
    for frame in to / 4..<to * 3 / 4 { worst = max(worst, abs(output[frame] - ideal[frame])) }
    #expect(worst < 0.0005)
  }

  @Test(arguments: [Resampler.Ratio.fixed, .varying])
  func whatTheNewRateCannotHoldIsGone(ratio: Resampler.Ratio) throws {
    let input = tone(hertz: 23_500, rate: 48_000, frames: 48_000)
    var resampler = try Resampler(channels: 2, inputRate: 48_000, outputRate: 44_100, ratio: ratio)
    let output = convert(input, with: &resampler, sizes: [480])
    #expect(level(output[10_000..<80_000]) < 0.5 / 10_000)
  }

  @Test func speedConsumesInputFaster() throws {
    for (rate, speed) in [(44_100, 0.0005), (48_000, -0.001), (48_000, 0.001)] {
      var resampler = try Resampler(channels: 2, inputRate: rate, outputRate: 48_000)
      let input = tone(hertz: 1000, rate: rate, frames: rate * 2)
      var output: [Float] = []
      for block in 0..<200 {
        let count = rate / 100
        let span = input.span.extracting(block * count * 2..<(block + 1) * count * 2)
        resampler.convert(span, speed: speed, appendingTo: &output)
      }
      resampler.finish(appendingTo: &output)
      // The first block glides from speed 0.
      let expected = 96_000 / (1 + speed)
      #expect(abs(Double(output.count / 2) - expected) < 3)
      let left = channel(0, of: output, channels: 2)
      let fit = fitSine(left[20_000..<70_000], hertz: 1000 * (1 + speed), rate: 48_000)
      #expect(fit.decibelsAboveRest > 90)
    }
  }

  @Test func aSpeedThatChangesWithEveryBlockNeverClicks() throws {
    for rate in [44_100, 48_000] {
      var resampler = try Resampler(channels: 1, inputRate: rate, outputRate: 48_000)
      let input = tone(hertz: 1000, rate: rate, frames: rate * 2, channels: 1)
      var output: [Float] = []
      let count = 480
      for block in 0..<rate * 2 / count {
        let speed = 0.001 * sin(Double(block) * 0.7)
        let span = input.span.extracting(block * count..<(block + 1) * count)
        resampler.convert(span, speed: speed, appendingTo: &output)
      }
      let step = 2 * Double.pi * 1000 / 48_000
      let ordinary = 0.5 * step * step
      #expect(largestBend(Array(output[200...])) < ordinary * 1.02)
    }
  }

  @Test func equalRatesPassThroughUntilSpeedIsUsedAndThenDoNotClick() throws {
    let input = tone(hertz: 1000, rate: 48_000, frames: 48_000)
    for before in [20, 100, 24_000] {
      var resampler = try Resampler(channels: 2, inputRate: 48_000, outputRate: 48_000)
      let delayBefore = resampler.delay
      #expect(delayBefore == .zero)
      var output: [Float] = []
      resampler.convert(input.span.extracting(0..<before * 2), appendingTo: &output)
      #expect(output == Array(input[..<(before * 2)]))
      var frame = before
      while frame + 240 <= 48_000 {
        let block = input.span.extracting(frame * 2..<(frame + 240) * 2)
        resampler.convert(block, speed: 1e-9, appendingTo: &output)
        frame += 240
      }
      let delayAfter = resampler.delay
      #expect(delayAfter > .zero)
      resampler.finish(appendingTo: &output)
      #expect(abs(output.count / 2 - frame) <= 1)
      // At a speed of nearly nothing the output is the input, through the change-over as well.
      // Only a filter that had hardly any past to begin with does not know it all.
      let tolerance: Float = before < 64 ? 0.02 : 1e-4
      var worst: Float = 0
      for index in 0..<min(output.count, frame * 2) - 200 {
        worst = max(worst, abs(output[index] - input[index]))
      }
      #expect(worst < tolerance, "after \(before) frames")
    }
  }

  @Test(arguments: cases)
  func neverHoldsBackMoreThanItsDelay(from: Int, to: Int, ratio: Resampler.Ratio) throws {
    var resampler = try Resampler(channels: 2, inputRate: from, outputRate: to, ratio: ratio)
    let delay = resampler.delay
    #expect(delay > .zero)
    if from > 40_000, to > 40_000 {
      #expect(delay < (ratio == .fixed ? .milliseconds(10) : .milliseconds(2)))
    }
    let block = [Float](repeating: 0, count: from / 100 * 2)
    var output: [Float] = []
    for given in 1...100 {
      resampler.convert(block.span, appendingTo: &output)
      let held = Double(given) / 100 - Double(output.count / 2) / Double(to)
      let bound = Double(delay.components.attoseconds) / 1e18 + 2 / Double(min(from, to))
      #expect(held <= bound)
      if ratio == .fixed {
        let told = resampler.held
        #expect(abs(Double(told.components.attoseconds) / 1e18 - held) < 1e-6)
      }
    }
  }

  @Test func resetForgetsAllSound() throws {
    for ratio in [Resampler.Ratio.fixed, .varying] {
      var resampler = try Resampler(
        channels: 1, inputRate: 44_100, outputRate: 48_000, ratio: ratio)
      var output: [Float] = []
      let loud = [Float](repeating: 1, count: 4410)
      resampler.convert(loud.span, appendingTo: &output)
      resampler.reset()
      output.removeAll()
      let silence = [Float](repeating: 0, count: 4410)
      resampler.convert(silence.span, appendingTo: &output)
      #expect(!output.isEmpty && output.allSatisfy { $0 == 0 })
    }
  }

  @Test func impossibleRatesAreRefused() {
    #expect(throws: CodecError.self) {
      _ = try Resampler(channels: 2, inputRate: 0, outputRate: 48_000)
    }
    #expect(throws: CodecError.self) {
      _ = try Resampler(channels: 2, inputRate: 1_000, outputRate: 700_000)
    }
  }
}
