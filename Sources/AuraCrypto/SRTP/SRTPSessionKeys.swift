internal import COpenSSL

/// The keys that protect one direction of RTP or of RTCP.
package struct SRTPSessionKeys: Equatable, Sendable {
  /// Of RTP and of RTCP the keys differ.
  package enum Kind: Sendable {
    case rtp, rtcp
  }

  /// What they are for.
  package let kind: Kind
  /// How they are used.
  package let profile: SRTPProfile
  /// For AES-128; 16 bytes.
  package let encryptionKey: [UInt8]
  /// For HMAC-SHA1, 20 bytes; empty with GCM, which needs none.
  package let authenticationKey: [UInt8]
  /// Mixed into every initialization vector; `profile.saltByteCount` bytes.
  package let salt: [UInt8]

  /// Keys as they are, for test vectors.
  package init(
    kind: Kind, profile: SRTPProfile, encryptionKey: [UInt8], authenticationKey: [UInt8],
    salt: [UInt8]
  ) {
    self.kind = kind
    self.profile = profile
    self.encryptionKey = encryptionKey
    self.authenticationKey = authenticationKey
    self.salt = salt
  }

  /// Keys derived from a master key and salt, once for all packets (RFC 3711 §4.3, RFC 7714 §11).
  package init(
    kind: Kind, profile: SRTPProfile, masterKey: [UInt8], masterSalt: [UInt8]
  ) throws(CryptoError) {
    func derive(_ label: UInt8, _ count: Int) throws(CryptoError) -> [UInt8] {
      // The label stands at the same place whatever the salt's length: 96 bits are filled up with
      // zeros at their end (errata of RFC 7714).
      var counter = masterSalt + [UInt8](repeating: 0, count: 16 - masterSalt.count)
      counter[7] ^= label
      return try keystream(key: masterKey, counter: counter, count: count)
    }
    let first: UInt8 = kind == .rtp ? 0 : 3
    self.kind = kind
    self.profile = profile
    encryptionKey = try derive(first, profile.keyByteCount)
    authenticationKey = profile == .aeadAES128GCM ? [] : try derive(first + 1, 20)
    salt = try derive(first + 2, profile.saltByteCount)
  }
}

/// What AES-128 in counter mode adds to a text.
private func keystream(
  key: [UInt8], counter: [UInt8], count: Int
) throws(CryptoError) -> [UInt8] {
  let context = unsafe EVP_CIPHER_CTX_new()
  defer { unsafe EVP_CIPHER_CTX_free(context) }
  let zeros = [UInt8](repeating: 0, count: count)
  var stream = zeros
  var written: Int32 = 0
  guard unsafe EVP_EncryptInit_ex(context, EVP_aes_128_ctr(), nil, key, counter) == 1,
    unsafe EVP_EncryptUpdate(context, &stream, &written, zeros, Int32(count)) == 1
  else { throw .openSSL("derive the keys of SRTP") }
  return stream
}
