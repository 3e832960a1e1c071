/// The packets a receiver asks for again (RFC 4585 section 6.2.1).
package struct GenericNACK: Equatable, Sendable {
  /// One sequence number, and which of the 16 after it are missing too.
  package struct Entry: Equatable, Sendable {
    package var packetID: UInt16
    /// Bit i (from the lowest) stands for `packetID` + i + 1.
    package var followingLost: UInt16

    package init(packetID: UInt16, followingLost: UInt16) {
      self.packetID = packetID
      self.followingLost = followingLost
    }
  }

  /// The kind of transport feedback, where other packets have a count.
  static let format = 1
  /// The most entries in one packet; whoever lost more than 1,088 packets is past repair.
  package static let mostEntries = 64

  /// Who asks.
  package var senderSSRC: UInt32
  /// Whose packets are missing.
  package var mediaSSRC: UInt32
  package var entries: [Entry]

  package init(senderSSRC: UInt32, mediaSSRC: UInt32, entries: [Entry]) {
    self.senderSSRC = senderSSRC
    self.mediaSSRC = mediaSSRC
    self.entries = entries
  }

  /// Packs sequence numbers into as few entries as their order allows.
  ///
  /// - Parameters:
  ///   - senderSSRC: who asks.
  ///   - mediaSSRC: whose packets are missing.
  ///   - lost: oldest first; wraps are understood. Beyond `mostEntries` the rest is left out.
  package init(senderSSRC: UInt32, mediaSSRC: UInt32, lost: some Sequence<UInt16>) {
    self.init(senderSSRC: senderSSRC, mediaSSRC: mediaSSRC, entries: [])
    for number in lost {
      if let last = entries.last, (1...16).contains(number &- last.packetID) {
        entries[entries.count - 1].followingLost |= 1 << (number &- last.packetID - 1)
      } else if entries.last?.packetID != number {
        guard entries.count < Self.mostEntries else { return }
        entries.append(Entry(packetID: number, followingLost: 0))
      }
    }
  }

  /// Every sequence number asked for, entry by entry, ascending within each; repeats are kept.
  package var lost: some Sequence<UInt16> {
    entries.lazy.flatMap { entry in
      (0...16).lazy.filter { $0 == 0 || entry.followingLost & (1 << ($0 - 1)) != 0 }
        .map { entry.packetID &+ UInt16($0) }
    }
  }

  init(parsing bytes: RawSpan, _ packet: RTCPPacket) throws(RTCPError) {
    try packet.require(16)
    let count = (packet.byteCount - 12) / 4
    guard count <= Self.mostEntries else { throw .tooMany }
    senderSSRC = bytes.uint32(at: 4)
    mediaSSRC = bytes.uint32(at: 8)
    entries = []
    entries.reserveCapacity(count)
    for offset in stride(from: 12, to: packet.byteCount, by: 4) {
      entries.append(
        Entry(
          packetID: bytes.uint16(at: offset),
          followingLost: bytes.uint16(at: offset + 2)))
    }
  }

  /// Appends one whole RTCP packet; there should be an entry at least.
  package func append(to bytes: inout [UInt8]) {
    let entries = entries.prefix(Self.mostEntries)
    RTCPPacket.appendHeader(
      type: RTCPPacket.Kind.transportFeedback, count: Self.format,
      byteCount: 12 + 4 * entries.count, to: &bytes)
    bytes.append(bigEndian: senderSSRC)
    bytes.append(bigEndian: mediaSSRC)
    for entry in entries {
      bytes.append(bigEndian: entry.packetID)
      bytes.append(bigEndian: entry.followingLost)
    }
  }
}
