import AuraStream
import Testing

@Suite struct OriginalCounterTests {
  private static let format = OriginalFormat(sampleRate: 48_000, channels: 2, chunkSize: 16)
  private static let chunk =
    OriginalFormat.lengthPrefix(format.chunkByteCount)
    + [UInt8](repeating: 7, count: format.chunkByteCount)
  private static let stream = OriginalFormat.framed(format.announcement) + chunk + chunk + chunk

  @Test(arguments: [1, 3, 64, 1_000])
  func messagesAreCountedHoweverTheyAreSplit(_ step: Int) {
    var counter = OriginalCounter()
    for start in stride(from: 0, to: Self.stream.count, by: step) {
      let part = Array(Self.stream[start..<min(start + step, Self.stream.count)])
      #expect(unsafe part.withUnsafeBytes { unsafe counter.take($0) })
    }
    #expect(counter.messages == 4)
  }

  @Test func whatIsNotTheProtocolIsRefused() {
    let wrongLength = Self.stream + OriginalFormat.lengthPrefix(Self.format.chunkByteCount + 1)
    for bytes in [Array("HTTP/1.1 400".utf8), wrongLength] {
      var counter = OriginalCounter()
      #expect(unsafe !bytes.withUnsafeBytes { unsafe counter.take($0) })
    }
  }
}
