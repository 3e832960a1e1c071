import AuraStream
import Testing

struct RTPHeaderTests {
  private static func parse(_ bytes: [UInt8]) throws -> RTPHeader {
    try unsafe RTPHeader(parsing: bytes.span.bytes)
  }

  /// Every field differs from every other, so none can be mistaken.
  private static let plain = hex("80 ef 1234 89abcdef cafebabe  01 02 03")

  @Test func everyFieldIsRead() throws {
    let header = try Self.parse(Self.plain)
    #expect(header.payloadType == 0x6f)
    #expect(header.marker)
    #expect(header.sequenceNumber == 0x1234)
    #expect(header.timestamp == 0x89ab_cdef)
    #expect(header.ssrc == 0xcafe_babe)
    #expect(header.payloadRange == 12..<15)
  }

  @Test func whatIsWrittenIsSpelledAsTheRFCHasIt() {
    let header = RTPHeader(
      payloadType: 111, sequenceNumber: 0x1234, timestamp: 0x89ab_cdef, ssrc: 0xcafe_babe,
      marker: true)
    var bytes = [UInt8](repeating: 0x55, count: 13)
    unsafe bytes.withUnsafeMutableBytes { unsafe header.write(into: $0) }
    #expect(bytes == Array(Self.plain.prefix(12)) + [0x55])
  }

  @Test func aContributorStandsBehindTheFixedHeader() throws {
    let header = RTPHeader(
      payloadType: 111, sequenceNumber: 1, timestamp: 2, ssrc: 3, contributor: 0x4155_5207)
    var bytes = [UInt8](repeating: 0x55, count: 17)
    unsafe bytes.withUnsafeMutableBytes { unsafe header.write(into: $0) }
    #expect(bytes == hex("81 6f 0001 00000002 00000003  41555207  55"))
    let read = try Self.parse(bytes)
    #expect(read.contributor == 0x4155_5207 && read.payloadRange == 16..<17)
    #expect(try Self.parse(Self.plain).contributor == nil)
  }

  @Test func contributorsAndExtensionAreSteppedOver() throws {
    let contributors = hex("82 6f 0001 00000002 00000003  0000000a 0000000b  99")
    #expect(try Self.parse(contributors).payloadRange == 20..<21)
    #expect(try Self.parse(contributors).contributor == 10)
    let extended = hex("90 6f 0001 00000002 00000003  bede0002 10aa2211 00000000  99 98")
    #expect(try Self.parse(extended).payloadRange == 24..<26)
    let both = hex("91 6f 0001 00000002 00000003  0000000a  bede0000  99")
    #expect(try Self.parse(both).payloadRange == 20..<21)
  }

  @Test func paddingIsTakenOff() throws {
    let padded = hex("a0 6f 0001 00000002 00000003  aa bb 00 00 03")
    #expect(try Self.parse(padded).payloadRange == 12..<14)
    let onlyPadding = hex("a0 6f 0001 00000002 00000003  00 00 00 04")
    #expect(try Self.parse(onlyPadding).payloadRange == 12..<12)
    // Encrypted, the count is not legible.
    let protected = try unsafe RTPHeader(parsingProtected: padded.span.bytes)
    #expect(protected.payloadRange == 12..<17)
  }

  @Test(arguments: [
    ("a0 6f 0001 00000002 00000003", 0), ("a0 6f 0001 00000002 00000003 00", 0),
    ("a0 6f 0001 00000002 00000003 aa 03", 3), ("a0 6f 0001 00000002 00000003 ff", 255),
  ])
  func falsePaddingIsRefused(text: String, count: Int) {
    #expect(throws: RTPError.padding(bytes: count)) { try Self.parse(hex(text)) }
  }

  @Test(arguments: [UInt8(0), 1, 3])
  func otherVersionsAreRefused(version: UInt8) {
    var bytes = Self.plain
    bytes[0] = version << 6
    #expect(throws: RTPError.version(version)) { try Self.parse(bytes) }
  }

  @Test func truncationAtEveryByteIsRefused() {
    let bytes = hex("92 6f 0001 00000002 00000003  0000000a 0000000b  bede0001 11223344")
    for length in 0..<bytes.count {
      #expect(throws: RTPError.self, "\(length) bytes") {
        try Self.parse(Array(bytes.prefix(length)))
      }
    }
    #expect(throws: Never.self) { try Self.parse(bytes) }
  }

  @Test(arguments: [UInt64](1...50))
  func anyHeaderSurvivesTheRoundTrip(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let header = RTPHeader(
      payloadType: .random(in: 0...127, using: &random),
      sequenceNumber: .random(in: 0...(.max), using: &random),
      timestamp: .random(in: 0...(.max), using: &random),
      ssrc: .random(in: 0...(.max), using: &random),
      marker: .random(using: &random),
      contributor: .random(using: &random) ? .random(in: 0...(.max), using: &random) : nil)
    var bytes = [UInt8](repeating: 0, count: header.payloadRange.lowerBound)
    unsafe bytes.withUnsafeMutableBytes { unsafe header.write(into: $0) }
    #expect(try Self.parse(bytes) == header)
  }

  /// Whatever comes, the payload lies within the packet or there is an error.
  @Test(arguments: [UInt64](1...20))
  func anythingAtAllIsSurvived(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let seeds = [
      Self.plain, hex("a0 6f 0001 00000002 00000003  aa bb 00 00 03"),
      hex("b2 6f 0001 00000002 00000003  0000000a 0000000b  bede0001 11223344 99 98 02"),
    ]
    for _ in 0..<500 {
      let bytes = random.mutated(seeds.randomElement(using: &random) ?? [])
      guard let header = try? Self.parse(bytes) else { continue }
      #expect(header.payloadRange.lowerBound >= 12 && header.payloadRange.upperBound <= bytes.count)
    }
  }
}
