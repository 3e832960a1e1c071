/// The lasting names of sources (RFC 3550 section 6.5). Only CNAME is kept.
package struct SourceDescription: Equatable, Sendable {
  /// One source and its name.
  package struct Chunk: Equatable, Sendable {
    package var ssrc: UInt32
    /// Nil when the peer gave none.
    package var cname: String?

    package init(ssrc: UInt32, cname: String?) {
      self.ssrc = ssrc
      self.cname = cname
    }
  }

  /// At most 31 when written; more are left out.
  package var chunks: [Chunk]

  package init(chunks: [Chunk]) { self.chunks = chunks }

  package init(ssrc: UInt32, cname: String) {
    chunks = [Chunk(ssrc: ssrc, cname: cname)]
  }

  init(parsing bytes: RawSpan, _ packet: RTCPPacket) throws(RTCPError) {
    chunks = []
    var offset = 4
    for _ in 0..<packet.count {
      try packet.require(offset + 4)
      var chunk = Chunk(ssrc: bytes.uint32(at: offset), cname: nil)
      offset += 4
      while true {
        try packet.require(offset + 1)
        let type = bytes.byte(at: offset)
        if type == 0 { break }
        try packet.require(offset + 2)
        let end = offset + 2 + Int(bytes.byte(at: offset + 1))
        try packet.require(end)
        if type == 1 {
          chunk.cname = String(decoding: bytes.array(offset + 2..<end), as: UTF8.self)
        }
        offset = end
      }
      // One zero ends the items; more fill the word. A packet is whole words, so this stays inside.
      offset = (offset / 4 + 1) * 4
      chunks.append(chunk)
    }
  }

  /// Appends one whole RTCP packet. A name is cut to 255 bytes.
  package func append(to bytes: inout [UInt8]) {
    var body: [UInt8] = []
    for chunk in chunks.prefix(31) {
      body.append(bigEndian: chunk.ssrc)
      if let cname = chunk.cname?.utf8.prefix(255) {
        body += [1, UInt8(cname.count)]
        body += cname
      }
      repeat { body.append(0) } while body.count % 4 != 0
    }
    RTCPPacket.appendHeader(
      type: RTCPPacket.Kind.sourceDescription, count: min(31, chunks.count),
      byteCount: 4 + body.count, to: &bytes)
    bytes += body
  }
}

/// A farewell: these sources will send no more (RFC 3550 section 6.6).
package struct Goodbye: Equatable, Sendable {
  /// At most 31 when written; more are left out.
  package var ssrcs: [UInt32]
  /// A sentence for people; nil when none was given.
  package var reason: String?

  package init(ssrcs: [UInt32], reason: String? = nil) {
    self.ssrcs = ssrcs
    self.reason = reason
  }

  init(parsing bytes: RawSpan, _ packet: RTCPPacket) throws(RTCPError) {
    let end = 4 + 4 * packet.count
    try packet.require(end)
    ssrcs = []
    for index in 0..<packet.count { ssrcs.append(bytes.uint32(at: 4 + 4 * index)) }
    guard packet.byteCount > end else { return }
    let length = Int(bytes.byte(at: end))
    try packet.require(end + 1 + length)
    reason = String(decoding: bytes.array(end + 1..<end + 1 + length), as: UTF8.self)
  }

  /// Appends one whole RTCP packet. The reason is cut to 255 bytes.
  package func append(to bytes: inout [UInt8]) {
    let ssrcs = ssrcs.prefix(31)
    var tail: [UInt8] = []
    if let reason = reason?.utf8.prefix(255) {
      tail.append(UInt8(reason.count))
      tail += reason
      while tail.count % 4 != 0 { tail.append(0) }
    }
    RTCPPacket.appendHeader(
      type: RTCPPacket.Kind.goodbye, count: ssrcs.count,
      byteCount: 4 + 4 * ssrcs.count + tail.count, to: &bytes)
    for ssrc in ssrcs { bytes.append(bigEndian: ssrc) }
    bytes += tail
  }
}
