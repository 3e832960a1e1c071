/// Why a payload is not RFC 2198.
package enum RedundancyError: Error, Equatable, Sendable {
  /// A header or a block reaches beyond the payload.
  case truncated
  /// More blocks than anybody sends.
  case tooManyBlocks
}

/// A payload that carries older frames beside the current one (RED, RFC 2198).
///
/// Each older block has four bytes of header, the current one has one byte; then come the blocks, the
/// oldest first.
package enum RedundantAudio {
  /// The longest an older block can be: its length has 10 bits.
  package static let longestBlock = 1023
  /// The farthest back a block can be, in timestamp units: 14 bits, 341 ms at 48 kHz.
  package static let greatestOffset = 16_383
  /// The most blocks read in one payload.
  package static let mostBlocks = 16

  /// One block of a payload.
  package struct Block: Equatable, Sendable {
    package var payloadType: UInt8
    /// How long before the packet's timestamp it begins; zero for the current frame.
    package var timestampOffset: UInt32
    /// Where its bytes are in the payload.
    package var range: Range<Int>

    package init(payloadType: UInt8, timestampOffset: UInt32, range: Range<Int>) {
      self.payloadType = payloadType
      self.timestampOffset = timestampOffset
      self.range = range
    }
  }

  /// Reads a payload.
  ///
  /// - Returns: its blocks as they lie, the current one last; never empty.
  package static func parse(_ payload: RawSpan) throws(RedundancyError) -> [Block] {
    var blocks: [Block] = []
    var offset = 0
    while true {
      guard blocks.count < mostBlocks else { throw .tooManyBlocks }
      guard offset < payload.byteCount else { throw .truncated }
      let first = payload.byte(at: offset)
      guard first & 0x80 != 0 else { break }
      guard offset + 4 <= payload.byteCount else { throw .truncated }
      let header = payload.uint32(at: offset)
      blocks.append(
        Block(
          payloadType: first & 0x7f, timestampOffset: header >> 10 & 0x3fff,
          range: 0..<Int(header & 0x3ff)))
      offset += 4
    }
    blocks.append(
      Block(payloadType: payload.byte(at: offset), timestampOffset: 0, range: 0..<0))
    var start = offset + 1
    for index in blocks.indices.dropLast() {
      let end = start + blocks[index].range.count
      guard end <= payload.byteCount else { throw .truncated }
      blocks[index].range = start..<end
      start = end
    }
    blocks[blocks.count - 1].range = start..<payload.byteCount
    return blocks
  }

  /// Puts another payload type into every header of a payload of our own making.
  ///
  /// One payload serves all listeners, but each has its own number for Opus. Allocates nothing.
  package static func setPayloadType(
    _ type: UInt8, in payload: UnsafeMutableRawBufferPointer
  ) {
    var offset = 0
    while offset < payload.count, unsafe payload[offset] & 0x80 != 0 {
      unsafe payload[offset] = 0x80 | type
      offset += 4
    }
    if offset < payload.count { unsafe payload[offset] = type & 0x7f }
  }
}
