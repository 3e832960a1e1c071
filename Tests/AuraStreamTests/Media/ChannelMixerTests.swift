import AuraStream
import Testing

@Suite struct ChannelMixerTests {
  private func stereo(_ frame: [Float]) -> [Float] {
    var output: [Float] = []
    ChannelMixer(channels: frame.count).mixToStereo(frame.span, appendingTo: &output)
    return output
  }

  @Test func monoGoesToBothSidesAndStereoStays() {
    #expect(stereo([0.75]) == [0.75, 0.75])
    #expect(stereo([0.75, -0.5]) == [0.75, -0.5])
  }

  @Test(arguments: 1...8)
  func theSameFullScaleEverywhereDoesNotClip(channels: Int) {
    let mixed = stereo([Float](repeating: 1, count: channels))
    #expect(mixed.allSatisfy { $0 <= 1.000_001 && $0 > 0.7 })
  }

  @Test func surroundFollowsBS775() {
    let unit: Float = 1 / (1 + 0.707_106_77 * 2)
    let side = unit * 0.707_106_77
    let expected: [(Int, [Float])] = [
      (0, [unit, 0]), (1, [0, unit]), (2, [side, side]), (3, [0, 0]), (4, [side, 0]),
      (5, [0, side]),
    ]
    for (channel, gains) in expected {
      var frame = [Float](repeating: 0, count: 6)
      frame[channel] = 1
      for (mixed, gain) in zip(stereo(frame), gains) { #expect(abs(mixed - gain) < 1e-6) }
    }
  }

  @Test(arguments: 1...8)
  func theSidesAreMirrored(channels: Int) {
    // Swapping every left with its right swaps the sides of the mix.
    let pairs: [Int: [(Int, Int)]] = [
      2: [(0, 1)], 3: [(0, 1)], 4: [(0, 1), (2, 3)], 5: [(0, 1), (3, 4)], 6: [(0, 1), (4, 5)],
      7: [(0, 1), (5, 6)], 8: [(0, 1), (4, 5), (6, 7)],
    ]
    let frame = (0..<channels).map { 0.1 * Float($0 + 1) }
    var swapped = frame
    for (a, b) in pairs[channels] ?? [] { swapped.swapAt(a, b) }
    #expect(Array(stereo(frame).reversed()) == stereo(swapped))
  }

  @Test func manyFramesAreAppendedInOrder() {
    var output: [Float] = [9]
    let input: [Float] = [1, 2, 3, 4]
    ChannelMixer(channels: 1).mixToStereo(input.span, appendingTo: &output)
    #expect(output == [9, 1, 1, 2, 2, 3, 3, 4, 4])
  }

  @Test func monoIsHalfOfBoth() {
    var output: [Float] = []
    let input: [Float] = [1, 0.5, -1, 1, 1, 1]
    ChannelMixer.mixToMono(input.span, appendingTo: &output)
    #expect(output == [0.75, 0, 1])
  }
}
