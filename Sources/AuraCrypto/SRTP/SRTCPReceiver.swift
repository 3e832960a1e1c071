/// Verifies and decrypts RTCP packets (RFC 3711 §3.4, RFC 7714 §9).
///
/// Packets that are not encrypted are refused: nobody has offered to send such. Owned by one thread
/// at a time; allocates only for a source it has not heard of.
package struct SRTCPReceiver: ~Copyable, Sendable {
  /// How many sources replay protection keeps apart. Only who has the key can add one.
  package static let sourceLimit = 16

  private let cipher: PacketCipher
  private var sources: [(ssrc: UInt32, window: ReplayWindow)] = []

  /// A context that has received nothing.
  ///
  /// - Parameter keys: of which it takes the remote ones.
  /// - Throws: `CryptoError` when OpenSSL has no memory or not these ciphers.
  package init(keys: SRTPKeys) throws(CryptoError) {
    let session = try SRTPSessionKeys(
      kind: .rtcp, profile: keys.profile, masterKey: keys.remoteKey, masterSalt: keys.remoteSalt)
    try self.init(sessionKeys: session)
  }

  /// A context with keys already derived.
  package init(sessionKeys: SRTPSessionKeys) throws(CryptoError) {
    precondition(sessionKeys.kind == .rtcp, "RTCP is protected with keys for RTCP")
    cipher = try PacketCipher(sessionKeys, .open)
  }

  /// Verifies and decrypts a packet in place.
  ///
  /// - Parameter packet: the whole datagram; undefined where this throws.
  /// - Returns: the length of the compound packet it begins with.
  /// - Throws: `malformed`, `unencrypted`, `replayed`, `tooOld`, `tooManySources`, `unauthentic`,
  ///   `cipherFailed`.
  package mutating func unprotect(
    _ packet: UnsafeMutableRawBufferPointer
  ) throws(SRTPError) -> Int {
    let length = packet.count - cipher.overhead
    guard length >= RTCPFields.clearByteCount, let start = packet.baseAddress else {
      throw .malformed
    }
    let fields = try unsafe RTCPFields(parsing: UnsafeRawBufferPointer(packet))
    let place = cipher.profile == .aeadAES128GCM ? packet.count - 4 : length
    let word = unsafe UnsafeRawBufferPointer(packet).bigEndian(at: place, as: UInt32.self)
    guard word >> 31 == 1 else { throw .unencrypted }
    let index = UInt64(word & 0x7fff_ffff)
    let known = sources.firstIndex { $0.ssrc == fields.ssrc }
    if let known {
      try sources[known].window.check(index)
    } else if sources.count == Self.sourceLimit {
      throw .tooManySources
    }
    try unsafe cipher.open(
      start, clear: RTCPFields.clearByteCount, length: length, ssrc: fields.ssrc, index: index,
      word: word)
    if known == nil { sources.append((fields.ssrc, ReplayWindow())) }
    sources[known ?? sources.count - 1].window.note(index)
    return length
  }
}
