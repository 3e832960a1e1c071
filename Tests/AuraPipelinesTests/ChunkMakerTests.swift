import AuraStream
import Testing

@testable import AuraPipelines

struct ChunkMakerTests {
  /// Feeds one second in blocks of `block` frames: left is a ramp over the second, right its
  /// negative.
  private func chunks(
    of format: OriginalFormat, block: Int
  ) throws -> [(samples: [Float], at: HostTime)] {
    var maker = try ChunkMaker(format)
    var chunks: [(samples: [Float], at: HostTime)] = []
    let start = HostTime(nanoseconds: 5_000_000_000)
    var frame = 0
    while frame < 48_000 {
      let count = min(block, 48_000 - frame)
      let samples = (frame..<frame + count).flatMap { [Float($0) / 48_000, -Float($0) / 48_000] }
      frame += count
      maker.append(samples.span, endingAt: start + .frames(frame)) { chunk, at in
        chunks.append((chunk.indices.map { chunk[$0] }, at))
      }
    }
    maker.finish { chunk, at in
      chunks.append((chunk.indices.map { chunk[$0] }, at))
    }
    return chunks
  }

  @Test(arguments: [64, 240, 1000])
  func atOurOwnRateNothingIsTouched(block: Int) throws {
    let format = OriginalFormat(sampleRate: 48_000, channels: 2, chunkSize: 1024)
    let chunks = try chunks(of: format, block: block)
    #expect(chunks.count == 47)
    let left = chunks.flatMap(\.samples).enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
    #expect(left.prefix(48_000).enumerated().allSatisfy { $1 == Float($0) / 48_000 })
    #expect(left.dropFirst(48_000).allSatisfy { $0 == 0 }, "filled up with silence")
  }

  @Test(arguments: [8_000, 44_100, 96_000, 192_000], [1, 2])
  func everyChunkIsWholeAndInTime(rate: Int, channels: Int) throws {
    let format = OriginalFormat(sampleRate: rate, channels: channels, chunkSize: 512)
    let chunks = try chunks(of: format, block: 256)
    #expect(chunks.count == (rate + 511) / 512)
    #expect(chunks.allSatisfy { $0.samples.count == 512 * channels })
    let start = HostTime(nanoseconds: 5_000_000_000)
    for (index, chunk) in chunks.enumerated().dropLast() {
      let expected = start + .frames(index * 512, at: rate)
      let error = (chunk.at - expected).inMilliseconds
      #expect(abs(error) < 1, "chunk \(index) is off by \(error) ms")
      guard channels == 2, index > 0 else { continue }
      // The ramp tells the time: its value is the second.
      let value = Double(chunk.samples[0])
      #expect(abs(value - Double(index * 512) / Double(rate)) < 0.001)
    }
  }

  @Test func monoIsTheMeanOfBoth() throws {
    let format = OriginalFormat(sampleRate: 48_000, channels: 1, chunkSize: 512)
    #expect(try chunks(of: format, block: 256).flatMap(\.samples).allSatisfy { $0 == 0 })
  }
}
