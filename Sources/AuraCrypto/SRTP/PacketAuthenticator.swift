internal import COpenSSL

/// HMAC-SHA1 of packets with one key. Its state is prepared once and copied for each packet.
struct PacketAuthenticator {
  private var inner = SHA_CTX()
  private var outer = SHA_CTX()

  /// - Parameter key: at most 64 bytes.
  init(key: [UInt8]) {
    precondition(key.count <= 64, "a longer key must be hashed first")
    let padded = key + [UInt8](repeating: 0, count: 64 - key.count)
    unsafe aura_sha1_begin(&inner)
    unsafe aura_sha1_begin(&outer)
    unsafe aura_sha1_add(&inner, padded.map { $0 ^ 0x36 }, 64)
    unsafe aura_sha1_add(&outer, padded.map { $0 ^ 0x5c }, 64)
  }

  /// Writes the tag of a packet followed by a word.
  ///
  /// - Parameters:
  ///   - packet: what is authenticated.
  ///   - count: its length.
  ///   - word: rollover counter or RTCP index.
  ///   - tag: gets 20 bytes.
  func authenticate(
    _ packet: UnsafeRawPointer, count: Int, word: UInt32, into tag: UnsafeMutableRawPointer
  ) {
    let digest = unsafe tag.assumingMemoryBound(to: UInt8.self)
    var word = word.bigEndian
    var state = inner
    unsafe aura_sha1_add(&state, packet, count)
    unsafe aura_sha1_add(&state, &word, 4)
    unsafe aura_sha1_finish(&state, digest)
    state = outer
    unsafe aura_sha1_add(&state, digest, Int(SHA_DIGEST_LENGTH))
    unsafe aura_sha1_finish(&state, digest)
  }
}
