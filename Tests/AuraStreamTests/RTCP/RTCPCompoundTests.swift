import AuraStream
import Testing

struct RTCPCompoundTests {
  static func parse(_ bytes: [UInt8]) throws -> [RTCPItem] {
    try unsafe RTCPCompound.parse(bytes.span.bytes)
  }

  /// Packets as a browser sends them, written from the pictures in the RFCs.
  private static let senderReport = hex(
    """
    81 c8 000c  11223344  00000001 80000000  0000bb80  0000000a  00000640
                aabbccdd  40 fffffe  00010005  00000010  00018000  00008000
    """)
  private static let receiverReport = hex(
    "81 c9 0007  11223344  aabbccdd  00 000003  00010005  00000010  00018000  00008000")
  private static let description = hex("81 ca 0003  11223344  01 03 61 62 63 00 00 00")
  private static let negative = hex("81 cd 0004  11223344  aabbccdd  fffe 8003  0100 0000")
  private static let reference = hex("80 cf 0004  11223344  04 00 0002  0000000a 40000000")
  private static let echo = hex("80 cf 0005  11223344  05 00 0003  aabbccdd 000a4000 00010000")
  private static let presentation = hex(
    "80 cc 0006  11223344  41555241  07 01 01 00  0000bb80  0003d090  000493e0")
  private static let goodbye = hex("82 cb 0004  11223344  aabbccdd  05 6c 65 61 76 65 00 00")

  private static let block = ReportBlock(
    ssrc: 0xaabb_ccdd, fractionLost: 0x40, cumulativeLost: -2, highestSequenceNumber: 0x1_0005,
    jitter: 16, lastSenderReport: 0x1_8000, delaySinceLastSenderReport: .init(.milliseconds(500)))

  private static let expected: [(bytes: [UInt8], item: RTCPItem)] = [
    (
      senderReport,
      .senderReport(
        SenderReport(
          ssrc: 0x1122_3344, ntpTime: NTPTime(HostTime(nanoseconds: 1_500_000_000)),
          rtpTimestamp: 48_000, packetCount: 10, octetCount: 1600, reports: [block]))
    ),
    (
      receiverReport,
      .receiverReport(
        ReceiverReport(
          ssrc: 0x1122_3344,
          reports: [
            ReportBlock(
              ssrc: 0xaabb_ccdd, fractionLost: 0, cumulativeLost: 3,
              highestSequenceNumber: 0x1_0005,
              jitter: 16, lastSenderReport: 0x1_8000,
              delaySinceLastSenderReport: .init(units: 0x8000))
          ]))
    ),
    (description, .sourceDescription(SourceDescription(ssrc: 0x1122_3344, cname: "abc"))),
    (
      negative,
      .genericNACK(
        GenericNACK(
          senderSSRC: 0x1122_3344, mediaSSRC: 0xaabb_ccdd,
          lost: [0xfffe, 0xffff, 0, 0x000e, 0x0100]))
    ),
    (
      reference,
      .receiverReferenceTime(
        ReceiverReferenceTime(
          ssrc: 0x1122_3344, ntpTime: NTPTime(HostTime(nanoseconds: 10_250_000_000))))
    ),
    (
      echo,
      .delaySinceReference(
        DelaySinceReference(
          ssrc: 0x1122_3344,
          reports: [
            .init(ssrc: 0xaabb_ccdd, lastReference: 0x000a_4000, delay: .init(.seconds(1)))
          ]))
    ),
    (
      presentation,
      .presentation(
        PresentationNotice(
          PresentationPlan(
            number: 7, mode: .film, first: .milliseconds(250), last: .milliseconds(300),
            isAtPause: true),
          timestamp: 48_000, ssrc: 0x1122_3344))
    ),
    (goodbye, .goodbye(Goodbye(ssrcs: [0x1122_3344, 0xaabb_ccdd], reason: "leave"))),
  ]

  private static var all: [UInt8] { expected.flatMap { $0.bytes } }

  @Test func everyPacketIsReadAndWrittenAsTheRFCsHaveIt() throws {
    for (bytes, item) in Self.expected {
      #expect(try Self.parse(bytes) == [item])
      var written: [UInt8] = []
      item.append(to: &written)
      #expect(written == bytes, "\(item)")
    }
  }

  @Test func aCompoundYieldsItsItemsInOrder() throws {
    #expect(try Self.parse(Self.all) == Self.expected.map(\.item))
  }

  @Test func unknownPacketsAndBlocksAreSteppedOver() throws {
    let application = hex("80 cc 0002  11223344  41424344")
    let congestion = hex("8f cd 0003  11223344  aabbccdd  00000000")
    let pictureLoss = hex("81 ce 0002  11223344  aabbccdd")
    let statistics = hex("80 cf 0003  11223344  2a 00 0001  deadbeef")
    let strange = application + congestion + pictureLoss + statistics
    #expect(try Self.parse(strange) == [])
    #expect(try Self.parse(strange + Self.goodbye + strange) == [Self.expected[7].item])
    // A block we do not know between two we do.
    let blocks = hex(
      """
      80 cf 0009  11223344  04 00 0002  0000000a 40000000  2a 00 0000
                  05 00 0003  aabbccdd 000a4000 00010000
      """)
    #expect(try Self.parse(blocks) == [Self.expected[4].item, Self.expected[5].item])
  }

  @Test func paddingIsTheLastPacketsOnly() throws {
    let padded = hex("a1 ca 0004  11223344  01 03 61 62 63 00 00 00  00 00 00 04")
    #expect(try Self.parse(padded) == [Self.expected[2].item])
    #expect(throws: RTCPError.padding) { try Self.parse(padded + Self.goodbye) }
    for count in ["00", "03", "14", "ff"] {
      let bytes = hex("a1 ca 0004  11223344  01 03 61 62 63 00 00 00  00 00 00 \(count)")
      #expect(throws: RTCPError.padding) { try Self.parse(bytes) }
    }
  }

  /// Cut anywhere but between two packets, the datagram is refused.
  @Test func truncationAtEveryByteIsRefused() throws {
    var ends: Set<Int> = []
    for (bytes, _) in Self.expected { ends.insert((ends.max() ?? 0) + bytes.count) }
    for length in 0..<Self.all.count where !ends.contains(length) {
      #expect(throws: RTCPError.truncated, "\(length) bytes") {
        try Self.parse(Array(Self.all.prefix(length)))
      }
    }
  }

  @Test(arguments: [
    ("82 c9 0007  11223344  aabbccdd 00000003 00010005 00000010 00018000 00008000", UInt8(201)),
    ("80 c8 0001  11223344", 200), ("81 ca 0001  11223344", 202),
    ("81 ca 0002  11223344  01 03 61 62", 202), ("81 ca 0002  11223344  01 02 61 62", 202),
    ("82 cb 0001  11223344", 203), ("81 cb 0002  11223344  04 61 62 63", 203),
    ("81 cd 0002  11223344  aabbccdd", 205), ("80 cf 0000", 207),
    ("80 cf 0002  11223344  04 00 0002", 207), ("80 cf 0003  11223344  04 00 0001 00000000", 207),
    ("80 cf 0003  11223344  05 00 0001 00000000", 207),
  ])
  func aPacketThatContradictsItselfIsRefused(text: String, type: UInt8) {
    #expect(throws: RTCPError.malformed(type: type)) { try Self.parse(hex(text)) }
  }

  @Test func whatNoHonestPeerSendsIsRefused() {
    #expect(throws: RTCPError.version(1)) { try Self.parse(hex("40 cb 0000")) }
    let farewells = [UInt8](repeating: 0, count: RTCPCompound.mostPackets + 1)
      .flatMap { _ in hex("80 cb 0000") }
    #expect(throws: RTCPError.tooMany) { try Self.parse(farewells) }
    let blocks = [UInt8](repeating: 0, count: RTCPCompound.mostItems + 1)
      .flatMap { _ in hex("05 00 0000") }
    #expect(throws: RTCPError.tooMany) {
      try Self.parse(hex("80 cf 00\(String(blocks.count / 4 + 1, radix: 16))  11223344") + blocks)
    }
    let entries = [UInt8](repeating: 0, count: 4 * (GenericNACK.mostEntries + 1))
    #expect(throws: RTCPError.tooMany) {
      try Self.parse(hex("81 cd 0043  11223344  aabbccdd") + entries)
    }
  }

  /// Whatever comes, there is an error or a list of items that can be written again.
  @Test(arguments: [UInt64](1...20))
  func anythingAtAllIsSurvived(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<500 {
      let start = Self.expected.randomElement(using: &random)?.bytes ?? []
      let bytes = random.mutated(Bool.random(using: &random) ? start : Self.all)
      guard let items = try? Self.parse(bytes), !items.isEmpty else { continue }
      var written: [UInt8] = []
      for item in items { item.append(to: &written) }
      #expect(items.count <= RTCPCompound.mostItems)
      #expect((try? Self.parse(written).count) == items.count, "seed \(seed): \(bytes)")
    }
  }
}

extension RTCPItem {
  /// Writes the item with its own writer.
  func append(to bytes: inout [UInt8]) {
    switch self {
    case .senderReport(let report): report.append(to: &bytes)
    case .receiverReport(let report): report.append(to: &bytes)
    case .sourceDescription(let description): description.append(to: &bytes)
    case .goodbye(let goodbye): goodbye.append(to: &bytes)
    case .genericNACK(let request): request.append(to: &bytes)
    case .receiverReferenceTime(let time): time.append(to: &bytes)
    case .delaySinceReference(let echo): echo.append(to: &bytes)
    case .presentation(let notice): notice.append(to: &bytes)
    }
  }
}
