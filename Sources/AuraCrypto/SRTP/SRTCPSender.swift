/// Protects RTCP packets (RFC 3711 §3.4, RFC 7714 §9). Always encrypts.
///
/// It counts the packets itself. Owned by one thread at a time; allocates nothing per packet.
package struct SRTCPSender: ~Copyable, Sendable {
  private let cipher: PacketCipher
  private var next: UInt32

  /// A context that has sent nothing.
  ///
  /// - Parameter keys: of which it takes the local ones.
  /// - Throws: `CryptoError` when OpenSSL has no memory or not these ciphers.
  package init(keys: SRTPKeys) throws(CryptoError) {
    let session = try SRTPSessionKeys(
      kind: .rtcp, profile: keys.profile, masterKey: keys.localKey, masterSalt: keys.localSalt)
    try self.init(sessionKeys: session)
  }

  /// A context with keys already derived.
  ///
  /// - Parameters:
  ///   - sessionKeys: for RTCP.
  ///   - firstIndex: of the packet that comes first, at most 2^31.
  /// - Throws: `CryptoError` when OpenSSL has no memory or not these ciphers.
  package init(sessionKeys: SRTPSessionKeys, firstIndex: UInt32 = 0) throws(CryptoError) {
    precondition(sessionKeys.kind == .rtcp, "RTCP is protected with keys for RTCP")
    cipher = try PacketCipher(sessionKeys, .seal)
    next = firstIndex
  }

  /// Bytes that `protect` adds.
  package var overhead: Int { cipher.overhead }

  /// Protects a compound packet in place.
  ///
  /// - Parameters:
  ///   - packet: a buffer of at least `length + overhead` bytes.
  ///   - length: the packet's own length.
  /// - Returns: its length with what was added.
  /// - Throws: `malformed`, `keyExhausted`, `cipherFailed`.
  package mutating func protect(
    _ packet: UnsafeMutableRawBufferPointer, length: Int
  ) throws(SRTPError) -> Int {
    precondition(packet.count >= length + overhead, "the buffer must have room for the tag")
    let fields = try unsafe RTCPFields(parsing: UnsafeRawBufferPointer(rebasing: packet[..<length]))
    guard next < 1 << 31 else { throw .keyExhausted }
    guard let start = packet.baseAddress else { throw .malformed }
    let index = next
    next += 1
    try unsafe cipher.seal(
      start, clear: RTCPFields.clearByteCount, length: length, ssrc: fields.ssrc,
      index: UInt64(index), word: index | 1 << 31)
    return length + overhead
  }
}
