/// Protects the RTP packets of one source (RFC 3711, RFC 7714).
///
/// It counts the rollovers of sequence numbers itself and encrypts each packet index only once:
/// encrypted twice with different bytes, one index gives GCM's key away. Whoever must send a packet
/// again keeps what came out. Owned by one thread at a time; allocates nothing per packet.
package struct SRTPSender: ~Copyable, Sendable {
  /// The source whose packets it protects.
  package let ssrc: UInt32
  private let cipher: PacketCipher
  private var highest: UInt64?

  /// A context at rollover counter 0. The first sequence number should lie below 2^15, so that a
  /// receiver who misses the first packets counts the first rollover as well.
  ///
  /// - Parameters:
  ///   - keys: of which it takes the local ones.
  ///   - ssrc: the source.
  /// - Throws: `CryptoError` when OpenSSL has no memory or not these ciphers.
  package init(keys: SRTPKeys, ssrc: UInt32) throws(CryptoError) {
    let session = try SRTPSessionKeys(
      kind: .rtp, profile: keys.profile, masterKey: keys.localKey, masterSalt: keys.localSalt)
    try self.init(sessionKeys: session, ssrc: ssrc)
  }

  /// A context with keys already derived.
  package init(sessionKeys: SRTPSessionKeys, ssrc: UInt32) throws(CryptoError) {
    precondition(sessionKeys.kind == .rtp, "RTP is protected with keys for RTP")
    cipher = try PacketCipher(sessionKeys, .seal)
    self.ssrc = ssrc
  }

  /// Bytes that `protect` adds.
  package var overhead: Int { cipher.overhead }

  /// Protects a packet in place.
  ///
  /// - Parameters:
  ///   - packet: a buffer of at least `length + overhead` bytes.
  ///   - length: the packet's own length.
  /// - Returns: its length with what was added.
  /// - Throws: `malformed`, `foreignSource`; `indexUsed` unless its sequence number lies 1 to 32,767
  ///   after the last one, modulo 2^16; `keyExhausted`; `cipherFailed`, after which the sequence
  ///   number is used.
  package mutating func protect(
    _ packet: UnsafeMutableRawBufferPointer, length: Int
  ) throws(SRTPError) -> Int {
    precondition(packet.count >= length + overhead, "the buffer must have room for the tag")
    let fields = try unsafe RTPFields(parsing: UnsafeRawBufferPointer(rebasing: packet[..<length]))
    guard fields.ssrc == ssrc, let start = packet.baseAddress else { throw .foreignSource }
    let index = try nextIndex(fields.sequenceNumber)
    highest = index
    try unsafe cipher.seal(
      start, clear: fields.clearByteCount, length: length, ssrc: ssrc, index: index,
      word: UInt32(truncatingIfNeeded: index >> 16))
    return length + overhead
  }

  private func nextIndex(_ sequenceNumber: UInt16) throws(SRTPError) -> UInt64 {
    guard let highest else { return UInt64(sequenceNumber) }
    let step = sequenceNumber &- UInt16(truncatingIfNeeded: highest)
    guard (1...0x7fff).contains(step) else { throw .indexUsed }
    let index = highest + UInt64(step)
    guard index < 1 << 48 else { throw .keyExhausted }
    return index
  }
}
