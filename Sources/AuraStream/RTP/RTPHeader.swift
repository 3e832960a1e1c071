/// Why a datagram is not an RTP packet.
package enum RTPError: Error, Equatable, Sendable {
  /// The packet ends before its header does.
  case truncated(bytes: Int, needed: Int)
  /// Only version 2 exists.
  case version(UInt8)
  /// The padding count is zero or reaches into the header.
  case padding(bytes: Int)
}

/// The fixed header of an RTP packet, and where the payload lies (RFC 3550 section 5.1).
///
/// Of CSRCs the first is read and written, others and header extensions are stepped over.
package struct RTPHeader: Equatable, Sendable {
  /// Bytes of the fixed header.
  package static let byteCount = 12
  /// Bytes of a contributing source behind it.
  package static let contributorByteCount = 4

  /// Which format the payload has, by the session description; 0 to 127.
  package var payloadType: UInt8
  /// Grows by one with each packet and wraps.
  package var sequenceNumber: UInt16
  /// The media time of the payload's first frame, from a random start; wraps.
  package var timestamp: UInt32
  /// Who sends.
  package var ssrc: UInt32
  /// Set on the first packet after a jump in the timestamp.
  package var marker: Bool
  /// The first contributing source (CSRC); nil without any.
  package var contributor: UInt32?
  /// The payload within the packet that was parsed, without padding; empty in a header of our own making.
  package private(set) var payloadRange: Range<Int>

  /// A header to be written. Of the payload type the lower seven bits are sent.
  package init(
    payloadType: UInt8, sequenceNumber: UInt16, timestamp: UInt32, ssrc: UInt32,
    marker: Bool = false, contributor: UInt32? = nil
  ) {
    self.payloadType = payloadType & 0x7f
    self.sequenceNumber = sequenceNumber
    self.timestamp = timestamp
    self.ssrc = ssrc
    self.marker = marker
    self.contributor = contributor
    let end = Self.byteCount(contributor: contributor)
    payloadRange = end..<end
  }

  /// Bytes of a header with this contributing source.
  package static func byteCount(contributor: UInt32?) -> Int {
    byteCount + (contributor == nil ? 0 : contributorByteCount)
  }

  /// Reads a packet in the clear: one whole datagram.
  package init(parsing packet: RawSpan) throws(RTPError) {
    try self.init(parsingProtected: packet)
    guard packet.byte(at: 0) & 0x20 != 0 else { return }
    // An empty payload has no last byte to hold the count.
    let padding = payloadRange.isEmpty ? 0 : Int(packet.byte(at: packet.byteCount - 1))
    guard (1...max(1, payloadRange.count)).contains(padding), !payloadRange.isEmpty else {
      throw .padding(bytes: padding)
    }
    payloadRange = payloadRange.lowerBound..<payloadRange.upperBound - padding
  }

  /// Reads the header of an encrypted packet (SRTP), whose padding count is not legible yet.
  ///
  /// So `payloadRange` reaches to the packet's end: it includes padding and authentication tag.
  package init(parsingProtected packet: RawSpan) throws(RTPError) {
    let byteCount = packet.byteCount
    guard byteCount >= Self.byteCount else {
      throw .truncated(bytes: byteCount, needed: Self.byteCount)
    }
    let first = packet.byte(at: 0)
    guard first >> 6 == 2 else { throw .version(first >> 6) }
    var end = Self.byteCount + 4 * Int(first & 0x0f)
    if first & 0x10 != 0 {
      guard byteCount >= end + 4 else { throw .truncated(bytes: byteCount, needed: end + 4) }
      end += 4 + 4 * Int(packet.uint16(at: end + 2))
    }
    guard byteCount >= end else { throw .truncated(bytes: byteCount, needed: end) }
    let second = packet.byte(at: 1)
    payloadType = second & 0x7f
    marker = second & 0x80 != 0
    sequenceNumber = packet.uint16(at: 2)
    timestamp = packet.uint32(at: 4)
    ssrc = packet.uint32(at: 8)
    contributor = first & 0x0f == 0 ? nil : packet.uint32(at: Self.byteCount)
    payloadRange = end..<byteCount
  }

  /// Writes the fixed header, and the contributing source if there is one. Allocates nothing.
  ///
  /// - Parameter buffer: at least `byteCount(contributor:)` long.
  package func write(into buffer: UnsafeMutableRawBufferPointer) {
    precondition(
      buffer.count >= Self.byteCount(contributor: contributor), "an RTP header needs its room")
    unsafe buffer[0] = contributor == nil ? 0x80 : 0x81
    unsafe buffer[1] = payloadType | (marker ? 0x80 : 0)
    unsafe buffer.storeBytes(of: sequenceNumber.bigEndian, toByteOffset: 2, as: UInt16.self)
    unsafe buffer.storeBytes(of: timestamp.bigEndian, toByteOffset: 4, as: UInt32.self)
    unsafe buffer.storeBytes(of: ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
    guard let contributor else { return }
    unsafe buffer.storeBytes(
      of: contributor.bigEndian, toByteOffset: Self.byteCount, as: UInt32.self)
  }
}
