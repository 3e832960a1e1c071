/// Why a datagram is not RTCP. The whole datagram is dropped: half a report is worth nothing.
package enum RTCPError: Error, Equatable, Sendable {
  /// A packet ends before its length says, or there is none at all.
  case truncated
  /// Only version 2 exists.
  case version(UInt8)
  /// Padding that is not the last packet's, or longer than it.
  case padding
  /// More packets or blocks than an honest peer sends.
  case tooMany
  /// A known packet type whose inside contradicts its length.
  case malformed(type: UInt8)
}

/// One thing a peer has said by RTCP.
package enum RTCPItem: Equatable, Sendable {
  case senderReport(SenderReport)
  case receiverReport(ReceiverReport)
  case sourceDescription(SourceDescription)
  case goodbye(Goodbye)
  case genericNACK(GenericNACK)
  case receiverReferenceTime(ReceiverReferenceTime)
  case delaySinceReference(DelaySinceReference)
  case presentation(PresentationNotice)
}

/// Takes RTCP datagrams apart (RFC 3550 section 6.1; reduced-size ones of RFC 5506 too).
package enum RTCPCompound {
  /// The most packets accepted in one datagram; browsers send up to five.
  package static let mostPackets = 32
  /// The most items accepted in one datagram.
  package static let mostItems = 64

  /// Reads every packet of a datagram in the clear.
  ///
  /// - Returns: what was understood, in order; packets and blocks of other types are stepped over, so
  ///   it may be empty.
  package static func parse(_ datagram: RawSpan) throws(RTCPError) -> [RTCPItem] {
    var items: [RTCPItem] = []
    var packets = 0
    var start = 0
    repeat {
      guard packets < mostPackets else { throw .tooMany }
      packets += 1
      let packet = try RTCPPacket(at: start, of: datagram)
      try packet.appendItems(of: datagram.extracting(packet.range), to: &items)
      guard items.count <= mostItems else { throw .tooMany }
      start = packet.next
    } while start < datagram.byteCount
    return items
  }
}

/// One packet within a compound, its four header bytes understood.
///
/// What understands its inside gets those bytes beside it: a span cannot be stored.
struct RTCPPacket {
  enum Kind {
    static let senderReport: UInt8 = 200
    static let receiverReport: UInt8 = 201
    static let sourceDescription: UInt8 = 202
    static let goodbye: UInt8 = 203
    static let application: UInt8 = 204
    static let transportFeedback: UInt8 = 205
    static let extendedReport: UInt8 = 207
  }

  /// The whole packet in the datagram, with its header, without padding; a multiple of four bytes.
  let range: Range<Int>
  /// The five bits that count reports, sources, or name the kind of feedback.
  let count: Int
  let type: UInt8
  /// Where the next packet starts in the datagram.
  let next: Int

  init(at start: Int, of datagram: RawSpan) throws(RTCPError) {
    guard datagram.byteCount - start >= 4 else { throw .truncated }
    let first = datagram.byte(at: start)
    guard first >> 6 == 2 else { throw .version(first >> 6) }
    let byteCount = 4 + 4 * Int(datagram.uint16(at: start + 2))
    guard datagram.byteCount - start >= byteCount else { throw .truncated }
    next = start + byteCount
    var padding = 0
    if first & 0x20 != 0 {
      padding = Int(datagram.byte(at: next - 1))
      guard next == datagram.byteCount, padding > 0, padding % 4 == 0, padding <= byteCount - 4
      else { throw .padding }
    }
    count = Int(first & 0x1f)
    type = datagram.byte(at: start + 1)
    range = start..<next - padding
  }

  func appendItems(of bytes: RawSpan, to items: inout [RTCPItem]) throws(RTCPError) {
    switch type {
    case Kind.senderReport: items.append(.senderReport(try SenderReport(parsing: bytes, self)))
    case Kind.receiverReport:
      items.append(.receiverReport(try ReceiverReport(parsing: bytes, self)))
    case Kind.sourceDescription:
      items.append(.sourceDescription(try SourceDescription(parsing: bytes, self)))
    case Kind.goodbye: items.append(.goodbye(try Goodbye(parsing: bytes, self)))
    case Kind.application:
      if let notice = try PresentationNotice(parsing: bytes, self) {
        items.append(.presentation(notice))
      }
    case Kind.transportFeedback where count == GenericNACK.format:
      items.append(.genericNACK(try GenericNACK(parsing: bytes, self)))
    case Kind.extendedReport: try ExtendedReport.appendItems(of: self, bytes, to: &items)
    default: break
    }
  }

  var byteCount: Int { range.count }

  /// Throws unless the packet has `needed` bytes or more.
  func require(_ needed: Int) throws(RTCPError) {
    guard byteCount >= needed else { throw .malformed(type: type) }
  }

  /// Appends a packet's header; `byteCount` is the whole packet's, a multiple of four.
  static func appendHeader(
    type: UInt8, count: Int, byteCount: Int, to bytes: inout [UInt8]
  ) {
    precondition(count < 32 && byteCount % 4 == 0, "an RTCP packet counts to 31, in words")
    bytes.append(0x80 | UInt8(count))
    bytes.append(type)
    bytes.append(bigEndian: UInt16(byteCount / 4 - 1))
  }
}
