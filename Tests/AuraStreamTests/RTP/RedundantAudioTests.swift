import AuraStream
import Testing

struct RedundantAudioTests {
  static func parse(_ payload: [UInt8]) throws -> [RedundantAudio.Block] {
    try unsafe RedundantAudio.parse(payload.span.bytes)
  }

  /// Shows frames to a writer and collects its payloads.
  private final class Stream {
    var writer: RedundantAudioWriter
    var room: Int

    init(writer: RedundantAudioWriter, room: Int = 1200) {
      self.writer = writer
      self.room = room
    }

    func write(_ frame: [UInt8], at timestamp: UInt32) -> [UInt8]? {
      var packet = [UInt8](repeating: 0xee, count: room)
      let count = unsafe packet.withUnsafeMutableBytes { packet in
        unsafe writer.write(
          frame.span.bytes, timestamp: timestamp, payloadType: 111, into: packet)
      }
      return count.map { Array(packet.prefix($0)) }
    }
  }

  /// The packet of RFC 2198 section 5: 14 bytes of LPC behind 84 of DVI4, 20 ms at 8 kHz apart.
  @Test func theExampleOfTheRFC() throws {
    let header = hex("87 02 80 0e  05")
    let payload = header + Array(repeating: 1, count: 14) + Array(repeating: 2, count: 84)
    #expect(
      try Self.parse(payload) == [
        .init(payloadType: 7, timestampOffset: 160, range: 5..<19),
        .init(payloadType: 5, timestampOffset: 0, range: 19..<103),
      ])
  }

  @Test func theFieldsAreWhereTheRFCHasThem() throws {
    let payload = hex("ff ff ff ff  7f") + Array(repeating: 9, count: 1023)
    #expect(
      try Self.parse(payload) == [
        .init(payloadType: 127, timestampOffset: 16_383, range: 5..<1028),
        .init(payloadType: 127, timestampOffset: 0, range: 1028..<1028),
      ])
  }

  @Test func olderFramesComeFirst() throws {
    let stream = Stream(writer: RedundantAudioWriter(depth: 2))
    #expect(stream.write([1, 1], at: 0xffff_ff00) == [111, 1, 1])
    #expect(stream.write([2], at: 0x0000_00e0) == hex("ef 07 80 02  6f  0101  02"))
    #expect(
      stream.write([3, 3, 3], at: 0x0000_02c0)
        == hex("ef 0f 00 02  ef 07 80 01  6f  0101 02 030303"))
    #expect(
      stream.write([4], at: 0x0000_04a0) == hex("ef 0f 00 01  ef 07 80 03  6f  02 030303 04"))
  }

  @Test func whatDoesNotFitIsLeftOutOldestFirst() throws {
    let stream = Stream(writer: RedundantAudioWriter(depth: 3), room: 300)
    let frame = [UInt8](repeating: 5, count: 100)
    for number in 0..<5 {
      let payload = try #require(stream.write(frame, at: UInt32(number) * 480))
      // 101 + 104 = 205 fit, 309 do not.
      #expect(try Self.parse(payload).count == min(2, number + 1))
    }
    stream.room = 100
    #expect(stream.write(frame, at: 2400) == nil)
    stream.room = 101
    #expect(stream.write(frame, at: 2880)?.count == 101)
  }

  @Test func framesTooLongOrTooOldAreLeftOut() throws {
    let stream = Stream(writer: RedundantAudioWriter(depth: 2))
    _ = stream.write([UInt8](repeating: 1, count: 1024), at: 0)
    #expect(stream.write([2], at: 480) == [111, 2])
    _ = stream.write([UInt8](repeating: 3, count: 1023), at: 960)
    #expect(
      try Self.parse(#require(stream.write([4], at: 1440))).map(\.range.count) == [1, 1023, 1])
    // The jump leaves one of two within reach.
    #expect(
      try Self.parse(#require(stream.write([5], at: 960 + 16_384))).map(\.timestampOffset) == [
        15_904, 0,
      ])
    #expect(stream.write([6], at: 100) == [111, 6], "back in time")
    stream.writer.reset()
    #expect(stream.write([7], at: 580) == [111, 7])
    _ = stream.write([], at: 1060)
    #expect(
      try Self.parse(#require(stream.write([8], at: 1540))).map(\.timestampOffset) == [960, 0])
  }

  @Test func everyHeaderGetsTheListenersPayloadType() throws {
    let stream = Stream(writer: RedundantAudioWriter(depth: 2))
    for number in 0..<3 {
      var payload = try #require(
        stream.write([0xff, 0xff, UInt8(number)], at: UInt32(number) * 480))
      let before = try Self.parse(payload)
      unsafe payload.withUnsafeMutableBytes { unsafe RedundantAudio.setPayloadType(96, in: $0) }
      let after = try Self.parse(payload)
      #expect(after.map(\.payloadType) == Array(repeating: 96, count: number + 1))
      #expect(after.map(\.range) == before.map(\.range))
      #expect(after.map(\.timestampOffset) == before.map(\.timestampOffset))
    }
  }

  @Test func truncationAtEveryByteIsRefused() {
    let payload = hex("ef 0f 00 02  ef 07 80 03  6f  0101 020202")
    for length in 0..<payload.count {
      #expect(throws: RedundancyError.truncated) { try Self.parse(Array(payload.prefix(length))) }
    }
    #expect(throws: Never.self) { try Self.parse(payload) }
    let many = Array(repeating: hex("ef 07 80 00"), count: 16).flatMap { $0 }
    #expect(throws: RedundancyError.tooManyBlocks) { try Self.parse(many + [111]) }
  }

  /// Random frames go in; what comes out holds the current frame and true copies of older ones.
  @Test(arguments: [UInt64](1...20))
  func anyFramesSurviveTheRoundTrip(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let stream = Stream(writer: RedundantAudioWriter(depth: .random(in: 1...8, using: &random)))
    var timestamp = UInt32.random(in: 0...(.max), using: &random)
    var shown: [UInt32: [UInt8]] = [:]
    for _ in 0..<50 {
      timestamp &+= Bool.random(using: &random) ? 480 : .random(in: 1...20_000, using: &random)
      let frame = (0..<Int.random(in: 0...1100, using: &random)).map {
        UInt8(truncatingIfNeeded: $0)
      }
      shown[timestamp] = frame
      stream.room = .random(in: 50...1200, using: &random)
      guard let payload = stream.write(frame, at: timestamp) else {
        #expect(frame.count + 1 > stream.room)
        continue
      }
      #expect(payload.count <= stream.room)
      for block in try Self.parse(payload) {
        #expect(
          Array(payload[block.range]) == shown[timestamp &- block.timestampOffset], "seed \(seed)")
      }
    }
  }

  /// Whatever comes, the blocks lie one behind the other within the payload.
  @Test(arguments: [UInt64](1...20))
  func anythingAtAllIsSurvived(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let payload = hex("ef 0f 00 02  ef 07 80 03  6f  0101 020202 03030303")
    for _ in 0..<500 {
      let bytes = random.mutated(payload)
      guard let blocks = try? Self.parse(bytes) else { continue }
      #expect(blocks.last?.range.upperBound == bytes.count)
      for (one, other) in zip(blocks, blocks.dropFirst()) {
        #expect(one.range.upperBound == other.range.lowerBound)
      }
    }
  }
}
