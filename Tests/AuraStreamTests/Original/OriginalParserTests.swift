import AuraStream
import Testing

struct OriginalParserTests {
  private static let format = OriginalFormat(sampleRate: 44_100, channels: 2, chunkSize: 32)

  /// A stream as the description gives it: announcement, then three chunks.
  private static let stream: [UInt8] = {
    let announcement = Array(format.announcement.utf8)
    var bytes: [UInt8] = [0, 0, 0, UInt8(announcement.count)] + announcement
    for number in 0..<3 {
      bytes += [0, 0, 1, 0]  // 32 frames of 2 samples of 4 bytes
      bytes += (0..<256).map { UInt8(truncatingIfNeeded: $0 + number) }
    }
    return bytes
  }()

  /// Feeds `pieces` one after the other and collects what comes out.
  private static func parse(
    _ pieces: [ArraySlice<UInt8>]
  ) throws -> [OriginalParser.Message] {
    var parser = OriginalParser()
    var messages: [OriginalParser.Message] = []
    for piece in pieces {
      var input = piece
      while let message = try parser.next(&input) {
        if case .announcement = message { parser.expectChunks(of: format) }
        messages.append(message)
      }
      #expect(input.isEmpty)
    }
    return messages
  }

  private static let expected: [OriginalParser.Message] =
    [.announcement(Array(format.announcement.utf8))]
    + (0..<3).map { number in
      .chunk((0..<256).map { UInt8(truncatingIfNeeded: $0 + number) })
    }

  @Test func splitAtEveryByte() throws {
    for split in 0...Self.stream.count {
      #expect(
        try Self.parse([Self.stream[..<split], Self.stream[split...]]) == Self.expected,
        "split at \(split)")
    }
  }

  @Test func oneByteAtATime() throws {
    #expect(try Self.parse(Self.stream.indices.map { Self.stream[$0...$0] }) == Self.expected)
  }

  @Test func announcementIsSpelledAsDescribed() {
    #expect(
      OriginalFormat(sampleRate: 44_100, channels: 2, chunkSize: 1024).announcement
        == #"{"sample_rate": 44100, "channels": 2, "chunk_size": 1024}"#)
    #expect(OriginalFormat.framed("ab") == [0, 0, 0, 2, 97, 98])
    #expect(OriginalFormat.lengthPrefix(0x0102_0304) == [1, 2, 3, 4])
  }

  @Test(
    arguments: [
      [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 4, 1], [0xff, 0xff, 0xff, 0xff], Array("HTTP".utf8),
      Array("SSH-".utf8),
    ] as [[UInt8]])
  func anAbsurdFirstLengthIsRefused(first: [UInt8]) {
    var parser = OriginalParser()
    var input = first[...]
    #expect(throws: OriginalParser.Failure.notOriginal(firstBytes: first)) {
      try parser.next(&input)
    }
  }

  @Test(arguments: [0, 255, 257, 1 << 31])
  func aChunkOfAnotherLengthIsRefused(length: Int) throws {
    var parser = OriginalParser()
    var input = OriginalFormat.framed(Self.format.announcement)[...]
    _ = try parser.next(&input)
    parser.expectChunks(of: Self.format)
    input = OriginalFormat.lengthPrefix(length)[...]
    #expect(throws: OriginalParser.Failure.chunkLength(bytes: length, expected: 256)) {
      try parser.next(&input)
    }
  }

  /// Whatever comes, the parser ends each input with all of it used, a message or a refusal.
  @Test(arguments: [UInt64](1...200))
  func anythingAtAllIsSurvived(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var bytes = Self.stream
    for _ in 0..<Int.random(in: 1...8, using: &random) {
      bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
    }
    var parser = OriginalParser()
    var position = 0
    while position < bytes.count {
      let end = min(bytes.count, position + Int.random(in: 1...100, using: &random))
      var input = bytes[position..<end]
      position = end
      do {
        while let message = try parser.next(&input) {
          switch message {
          case .announcement(let json):
            #expect(json.count <= OriginalParser.longestAnnouncement)
            parser.expectChunks(of: Self.format)
          case .chunk(let chunk): #expect(chunk.count == 256)
          }
        }
        #expect(input.isEmpty, "seed \(seed)")
      } catch {
        return
      }
    }
  }
}
