/// Verifies and decrypts the RTP packets of one source (RFC 3711, RFC 7714).
///
/// Owned by one thread at a time; allocates nothing per packet.
package struct SRTPReceiver: ~Copyable, Sendable {
  /// The source whose packets it takes; `nil` until the first authentic packet has told.
  package private(set) var ssrc: UInt32?
  private let cipher: PacketCipher
  private var window = ReplayWindow()

  /// A context at rollover counter 0.
  ///
  /// - Parameters:
  ///   - keys: of which it takes the remote ones.
  ///   - ssrc: the source; `nil` for that of the first authentic packet.
  /// - Throws: `CryptoError` when OpenSSL has no memory or not these ciphers.
  package init(keys: SRTPKeys, ssrc: UInt32? = nil) throws(CryptoError) {
    let session = try SRTPSessionKeys(
      kind: .rtp, profile: keys.profile, masterKey: keys.remoteKey, masterSalt: keys.remoteSalt)
    try self.init(sessionKeys: session, ssrc: ssrc)
  }

  /// A context with keys already derived.
  package init(sessionKeys: SRTPSessionKeys, ssrc: UInt32? = nil) throws(CryptoError) {
    precondition(sessionKeys.kind == .rtp, "RTP is protected with keys for RTP")
    cipher = try PacketCipher(sessionKeys, .open)
    self.ssrc = ssrc
  }

  /// Verifies and decrypts a packet in place.
  ///
  /// - Parameter packet: the whole datagram; undefined where this throws.
  /// - Returns: the length of the RTP packet it begins with.
  /// - Throws: `malformed`, `foreignSource`, `replayed`, `tooOld`, `unauthentic`, `cipherFailed`.
  package mutating func unprotect(
    _ packet: UnsafeMutableRawBufferPointer
  ) throws(SRTPError) -> Int {
    let length = packet.count - cipher.overhead
    guard length >= 12, let start = packet.baseAddress else { throw .malformed }
    let fields = try unsafe RTPFields(parsing: UnsafeRawBufferPointer(rebasing: packet[..<length]))
    if let ssrc, fields.ssrc != ssrc { throw .foreignSource }
    let index = guessIndex(fields.sequenceNumber)
    try window.check(index)
    try unsafe cipher.open(
      start, clear: fields.clearByteCount, length: length, ssrc: fields.ssrc, index: index,
      word: UInt32(truncatingIfNeeded: index >> 16))
    window.note(index)
    ssrc = fields.ssrc
    return length
  }

  /// The index nearest to the newest one with these last 16 bits (RFC 3711 §3.3.1).
  private func guessIndex(_ sequenceNumber: UInt16) -> UInt64 {
    guard let highest = window.highest else { return UInt64(sequenceNumber) }
    let step = Int16(bitPattern: sequenceNumber &- UInt16(truncatingIfNeeded: highest))
    let guess = Int64(highest) + Int64(step)
    // Nothing comes before rollover counter 0, and nothing after the last.
    return (0..<1 << 48).contains(guess) ? UInt64(guess) : UInt64(sequenceNumber)
  }
}
