internal import COpenSSL

/// The cipher of one direction of RTP or of RTCP: a thin framing over OpenSSL's.
///
/// Everything is prepared once; a packet changes only the initialization vector, in place, and
/// allocates nothing.
@safe struct PacketCipher: ~Copyable, @unchecked Sendable {
  // Sendable: an owned context that OpenSSL binds to no thread; `~Copyable` leaves one owner.

  enum Direction: Int32 {
    case open = 0
    case seal = 1
  }

  let profile: SRTPProfile
  let kind: SRTPSessionKeys.Kind
  private let context: OpaquePointer
  private let authenticator: PacketAuthenticator?
  private let saltHigh: UInt64
  private let saltLow: UInt64

  init(_ keys: SRTPSessionKeys, _ direction: Direction) throws(CryptoError) {
    guard let context = unsafe EVP_CIPHER_CTX_new() else { throw .openSSL("make a cipher") }
    let isGCM = keys.profile == .aeadAES128GCM
    guard
      unsafe EVP_CipherInit_ex(
        context, isGCM ? EVP_aes_128_gcm() : EVP_aes_128_ctr(), nil, keys.encryptionKey, nil,
        // Counter mode is its own inverse.
        isGCM ? direction.rawValue : 1) == 1
    else {
      unsafe EVP_CIPHER_CTX_free(context)
      throw .openSSL("prepare a cipher of SRTP")
    }
    unsafe self.context = context
    profile = keys.profile
    kind = keys.kind
    authenticator = isGCM ? nil : PacketAuthenticator(key: keys.authenticationKey)
    let salt = keys.salt + [UInt8](repeating: 0, count: 16 - keys.salt.count)
    saltHigh = salt[..<8].reduce(0) { $0 << 8 | UInt64($1) }
    saltLow = salt[8...].reduce(0) { $0 << 8 | UInt64($1) }
  }

  deinit { unsafe EVP_CIPHER_CTX_free(context) }

  /// Bytes that protection adds.
  var overhead: Int { kind == .rtp ? profile.rtpOverhead : profile.rtcpOverhead }

  /// Encrypts and authenticates in place.
  ///
  /// - Parameters:
  ///   - packet: `length` bytes, and room for `overhead` more.
  ///   - clear: how many bytes at its beginning stay readable.
  ///   - length: without what protection adds.
  ///   - ssrc: the packet's own.
  ///   - index: 48 bits of RTP's, 31 of RTCP's. With GCM, one that comes twice gives the key away.
  ///   - word: RTP's rollover counter; RTCP's index and encryption flag, which is written.
  /// - Throws: `cipherFailed`.
  func seal(
    _ packet: UnsafeMutableRawPointer, clear: Int, length: Int, ssrc: UInt32, index: UInt64,
    word: UInt32
  ) throws(SRTPError) {
    guard begin(ssrc: ssrc, index: index) else { throw .cipherFailed }
    let end = unsafe packet + length
    guard let authenticator else {
      guard unsafe addClear(packet, count: clear, word: word),
        unsafe transform(packet + clear, count: length - clear), unsafe finish(end),
        unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, end) == 1
      else { throw .cipherFailed }
      if kind == .rtcp { unsafe storeWord(word, at: end + 16) }
      return
    }
    guard unsafe transform(packet + clear, count: length - clear) else { throw .cipherFailed }
    if kind == .rtcp { unsafe storeWord(word, at: end) }
    unsafe withTag(authenticator, packet, length, word) { tag in
      unsafe (end + wordByteCount).copyMemory(from: tag, byteCount: profile.tagByteCount)
    }
  }

  /// Verifies and decrypts in place. A packet that does not verify is left undefined.
  ///
  /// - Parameters:
  ///   - packet: `length` bytes and what protection added.
  ///   - clear: how many bytes at its beginning are readable.
  ///   - length: without what protection added.
  ///   - ssrc: the packet's own.
  ///   - index: as in `seal`.
  ///   - word: as in `seal`.
  /// - Throws: `unauthentic`, `cipherFailed`.
  func open(
    _ packet: UnsafeMutableRawPointer, clear: Int, length: Int, ssrc: UInt32, index: UInt64,
    word: UInt32
  ) throws(SRTPError) {
    let end = unsafe packet + length
    if let authenticator {
      let isAuthentic = unsafe withTag(authenticator, packet, length, word) { tag in
        unsafe CRYPTO_memcmp(tag, end + wordByteCount, profile.tagByteCount) == 0
      }
      guard isAuthentic else { throw .unauthentic }
    }
    guard begin(ssrc: ssrc, index: index) else { throw .cipherFailed }
    if authenticator != nil {
      guard unsafe transform(packet + clear, count: length - clear) else { throw .cipherFailed }
      return
    }
    guard unsafe addClear(packet, count: clear, word: word),
      unsafe transform(packet + clear, count: length - clear),
      unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, end) == 1
    else { throw .cipherFailed }
    guard unsafe finish(end) else { throw .unauthentic }
  }

  /// RTCP's word stands between what is encrypted and HMAC's tag; with GCM it comes last.
  private var wordByteCount: Int { kind == .rtcp ? 4 : 0 }

  /// Sets the initialization vector (RFC 3711 §4.1.1, RFC 7714 §8.1 and §9.1).
  private func begin(ssrc: UInt32, index: UInt64) -> Bool {
    var vector: (UInt64, UInt64)
    if profile == .aeadAES128GCM {
      // 12 bytes: 16 zero bits, SSRC, index.
      vector = (
        (saltHigh ^ UInt64(ssrc) << 16 ^ index >> 32).bigEndian, (saltLow ^ index << 32).bigEndian
      )
    } else {
      // 16 bytes: 32 zero bits, SSRC, index, 16 bits of block counter.
      vector = ((saltHigh ^ UInt64(ssrc)).bigEndian, (saltLow ^ index << 16).bigEndian)
    }
    return unsafe withUnsafeBytes(of: &vector) { bytes in
      let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
      return unsafe EVP_CipherInit_ex(context, nil, nil, nil, start, -1) == 1
    }
  }

  /// Authenticates, with GCM, what is not encrypted.
  private func addClear(_ bytes: UnsafeRawPointer, count: Int, word: UInt32) -> Bool {
    var ignored: Int32 = 0
    let start = unsafe bytes.assumingMemoryBound(to: UInt8.self)
    guard unsafe EVP_CipherUpdate(context, nil, &ignored, start, Int32(count)) == 1 else {
      return false
    }
    if kind == .rtp { return true }
    var word = word.bigEndian
    return unsafe withUnsafeBytes(of: &word) { bytes in
      let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
      return unsafe EVP_CipherUpdate(context, nil, &ignored, start, 4) == 1
    }
  }

  /// Encrypts or decrypts in place.
  private func transform(_ bytes: UnsafeMutableRawPointer, count: Int) -> Bool {
    if count == 0 { return true }
    var done: Int32 = 0
    let start = unsafe bytes.assumingMemoryBound(to: UInt8.self)
    return unsafe EVP_CipherUpdate(context, start, &done, start, Int32(count)) == 1
  }

  /// Makes GCM's tag, or compares it. Writes nothing to `end`.
  private func finish(_ end: UnsafeMutableRawPointer) -> Bool {
    var ignored: Int32 = 0
    let end = unsafe end.assumingMemoryBound(to: UInt8.self)
    return unsafe EVP_CipherFinal_ex(context, end, &ignored) == 1
  }

  private func storeWord(_ word: UInt32, at place: UnsafeMutableRawPointer) {
    unsafe place.storeBytes(of: word.bigEndian, as: UInt32.self)
  }

  /// Gives HMAC's tag of a packet and its word to `use`.
  @inline(__always)
  private func withTag<Result>(
    _ authenticator: PacketAuthenticator, _ packet: UnsafeRawPointer, _ length: Int,
    _ word: UInt32, use: (UnsafeRawPointer) -> Result
  ) -> Result {
    var tag: (UInt64, UInt64, UInt32) = (0, 0, 0)
    return unsafe withUnsafeMutablePointer(to: &tag) { tag in
      unsafe authenticator.authenticate(packet, count: length, word: word, into: tag)
      return unsafe use(UnsafeRawPointer(tag))
    }
  }
}
