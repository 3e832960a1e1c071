import AuraCodec
import AuraStream
import Testing

@Suite struct PCMDecoderTests {
  private func bytes(_ samples: [Int16]) -> [UInt8] {
    samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
  }

  private func bytes(_ samples: [Float]) -> [UInt8] {
    samples.flatMap { sample in
      (0..<4).map { UInt8(truncatingIfNeeded: sample.bitPattern >> (8 * $0)) }
    }
  }

  private func decode(_ pieces: [ArraySlice<UInt8>], _ decoder: inout PCMDecoder) -> [Float] {
    var output: [Float] = []
    for piece in pieces {
      let piece = Array(piece)
      unsafe decoder.decode(piece.span.bytes, appendingTo: &output)
      #expect(output.count % decoder.format.channels == 0)
    }
    return output
  }

  @Test func sixteenBitsCoverTheWholeScale() {
    var decoder = PCMDecoder(format: PCMFormat(encoding: .s16le))
    let scale: [Int16] = [0, 16_384, -32_768, 32_767]
    #expect(decode([bytes(scale)[...]], &decoder) == [0, 0.5, -1, 32_767 / 32_768])
  }

  @Test(arguments: [PCMFormat.Encoding.s16le, .f32le], [1, 2, 3])
  func bytesMayBeSplitAnywhere(encoding: PCMFormat.Encoding, channels: Int) {
    let samples = (0..<12).map { Float($0 * 1000 - 5000) / 32_768 }
    let all = encoding == .f32le ? bytes(samples) : bytes(samples.map { Int16($0 * 32_768) })
    let format = PCMFormat(encoding: encoding, channels: channels)
    for first in 0...all.count {
      for second in first...all.count {
        var decoder = PCMDecoder(format: format)
        #expect(decode([all[..<first], all[first..<second], all[second...]], &decoder) == samples)
        #expect(decoder.partialBytes == 0)
      }
    }
    var decoder = PCMDecoder(format: format)
    #expect(decode(all.indices.map { all[$0...$0] }, &decoder) == samples)
  }

  @Test func aFrameThatIsNotWholeWaits() {
    var decoder = PCMDecoder(format: PCMFormat(encoding: .s16le))
    let samples: [Int16] = [1, 2, 3]
    #expect(decode([bytes(samples)[...]], &decoder).count == 2)
    #expect(decoder.partialBytes == 2)
  }

  @Test func whatIsNoNumberBecomesSilenceAndIsCounted() {
    var decoder = PCMDecoder(format: PCMFormat(encoding: .f32le))
    let samples: [Float] = [0.25, .nan, .infinity, -.infinity, -0.5, 2]
    let all = bytes(samples)
    #expect(decode([all[..<5], all[5...]], &decoder) == [0.25, 0, 0, 0, -0.5, 2])
    #expect(decoder.nonFiniteSamples == 3)
  }
}
