import AuraCrypto
import AuraStream
import COpenSSL
import Testing

/// A listener's end of a handshake, of OpenSSL's memory BIOs.
///
/// What it writes is cut into its records, each a datagram. A repeated flight must have new record
/// numbers, as real peers give it, which only OpenSSL can do, when its timer has run out. So that no
/// test waits for a clock, the timer runs out at once, some times over, and what OpenSSL then
/// repeats is kept for later.
@safe final class DTLSClient {
  enum Key: CaseIterable { case p256, rsa, none }

  private let context: OpaquePointer
  private let ssl: OpaquePointer
  private let input: OpaquePointer
  private let output: OpaquePointer
  /// The certificate's, by each hash that an offer could name.
  private(set) var fingerprints: [CertificateFingerprint.Hash: [UInt8]] = [:]
  private(set) var isEstablished = false
  private(set) var failure: String?
  private(set) var isClosedByPeer = false
  /// How often a flight can be repeated; OpenSSL gives up after 12.
  private static let repetitions = 8
  /// The latest flight's repetitions, the next first.
  private var spare: [[UInt8]] = []
  /// Where in `output` OpenSSL's repetitions begin.
  private var marks: [Int] = []

  /// - Parameters:
  ///   - profiles: as OpenSSL names them, the best first; `nil` for no SRTP.
  ///   - key: what its certificate is made with.
  ///   - mtu: the longest record it makes, nearly.
  ///   - padding: makes its first message longer by nearly as many bytes.
  /// - Throws: when OpenSSL refuses any of it.
  init(
    profiles: String? = "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80", key: Key = .p256,
    mtu: Int = 1200, padding: Int = 0
  ) throws {
    unsafe context = try unsafe #require(SSL_CTX_new(DTLS_client_method()))
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
    if let profiles { try check(unsafe SSL_CTX_set_tlsext_use_srtp(context, profiles) == 0) }
    unsafe ssl = try unsafe #require(SSL_new(context))
    unsafe input = try unsafe #require(BIO_new(BIO_s_mem()))
    unsafe output = try unsafe #require(BIO_new(BIO_s_mem()))
    unsafe SSL_set_bio(ssl, input, output)
    unsafe SSL_set_options(ssl, 1 << 12)  // SSL_OP_NO_QUERY_MTU
    try check(unsafe aura_set_mtu(ssl, mtu) == 1)
    // As in DTLSHandshake, the place 0 is the one for the application's own.
    unsafe SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
    unsafe DTLS_set_timer_cb(ssl, clientInterval)
    unsafe SSL_set_connect_state(ssl)
    // Names of protocols that nobody speaks, 100 bytes each.
    let names = (0..<padding / 100).flatMap { _ in [99] + [UInt8](repeating: 97, count: 99) }
    if padding > 0 { try check(unsafe SSL_set_alpn_protos(ssl, names, UInt32(names.count)) == 0) }
    try makeCertificate(key)
  }

  deinit {
    unsafe SSL_free(ssl)
    unsafe SSL_CTX_free(context)
  }

  func fingerprint(
    _ hash: CertificateFingerprint.Hash = .sha256
  ) throws -> CertificateFingerprint {
    try #require(CertificateFingerprint(hash: hash, bytes: fingerprints[hash] ?? []))
  }

  private func makeCertificate(_ kind: Key) throws {
    if kind == .none { return }
    let key = unsafe kind == .p256 ? aura_new_p256_key() : makeRSAKey()
    defer { unsafe EVP_PKEY_free(key) }
    let certificate = try unsafe #require(X509_new())
    defer { unsafe X509_free(certificate) }
    unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), 0)
    unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), 3600)
    try check(unsafe X509_set_pubkey(certificate, key) == 1)
    try check(unsafe X509_sign(certificate, key, EVP_sha256()) > 0)
    try check(unsafe SSL_use_certificate(ssl, certificate) == 1)
    try check(unsafe SSL_use_PrivateKey(ssl, key) == 1)
    fingerprints = unsafe [
      .sha256: digest(certificate, EVP_sha256()), .sha384: digest(certificate, EVP_sha384()),
      .sha512: digest(certificate, EVP_sha512()),
    ]
  }

  private func digest(_ certificate: OpaquePointer, _ function: OpaquePointer?) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 64)
    var count: UInt32 = 0
    unsafe X509_digest(certificate, function, &bytes, &count)
    return Array(bytes[..<Int(count)])
  }

  /// Takes a datagram, or begins.
  func receive(_ datagram: [UInt8]? = nil) {
    if let datagram { unsafe BIO_write(input, datagram, Int32(datagram.count)) }
    ERR_clear_error()
    if isEstablished {
      var ignored = [UInt8](repeating: 0, count: 2048)
      let result = unsafe SSL_read(ssl, &ignored, 2048)
      if unsafe SSL_get_error(ssl, result) == SSL_ERROR_ZERO_RETURN { isClosedByPeer = true }
      return
    }
    guard failure == nil else { return }
    let result = unsafe SSL_do_handshake(ssl)
    if result == 1 {
      isEstablished = true
    } else if case let error = unsafe SSL_get_error(ssl, result), error != SSL_ERROR_WANT_READ {
      let reason = unsafe ERR_reason_error_string(ERR_get_error())
      failure = unsafe reason.map { unsafe String(cString: $0) } ?? "error \(error)"
    }
  }

  /// OpenSSL's timer is about to be set, or has run out and the flight is about to be repeated.
  ///
  /// - Returns: the microseconds until it runs out.
  fileprivate func chooseInterval() -> UInt32 {
    let written = unsafe BIO_ctrl_pending(output)
    if written > marks.last ?? 0 { marks.append(written) }
    // More than an hour: never, in a test.
    return marks.count <= Self.repetitions ? 0 : 4_000_000_000
  }

  /// Its last flight once more, as the datagrams of a peer that has got no answer.
  func repeatedFlight() -> [[UInt8]] { spare.isEmpty ? [] : records(spare.removeFirst()) }

  /// Says goodbye.
  func close() { unsafe SSL_shutdown(ssl) }

  /// The records it has newly made, each as a datagram.
  func datagrams() -> [[UInt8]] {
    var bytes = [UInt8](repeating: 0, count: 1 << 17)
    let count = max(0, Int(unsafe BIO_read(output, &bytes, Int32(bytes.count))))
    if count == 0 { return [] }
    let ends = marks.filter { $0 < count } + [count]
    spare = zip(ends, ends.dropFirst()).map { Array(bytes[$0..<$1]) }
    marks = []
    return records(Array(bytes[..<ends[0]]))
  }

  private func records(_ bytes: [UInt8]) -> [[UInt8]] {
    var records: [[UInt8]] = []
    var start = 0
    while start + 13 <= bytes.count {
      let end = start + 13 + Int(bytes[start + 11]) << 8 + Int(bytes[start + 12])
      records.append(Array(bytes[start..<end]))
      start = end
    }
    return records
  }

  /// What the handshake has led to, as the client sees it.
  func keys() throws -> SRTPKeys {
    let isGCM = unsafe SSL_get_selected_srtp_profile(ssl)?.pointee.id == UInt(SRTP_AEAD_AES_128_GCM)
    let profile = isGCM ? SRTPProfile.aeadAES128GCM : .aes128CMHMACSHA1_80
    let salt = profile.saltByteCount
    var material = [UInt8](repeating: 0, count: 2 * (16 + salt))
    let label = "EXTRACTOR-dtls_srtp"
    try check(
      unsafe SSL_export_keying_material(
        ssl, &material, material.count, label, label.utf8.count, nil, 0, 0) == 1)
    return SRTPKeys(
      profile: profile, localKey: Array(material[..<16]),
      localSalt: Array(material[32..<32 + salt]),
      remoteKey: Array(material[16..<32]), remoteSalt: Array(material[(32 + salt)...]))
  }

  /// SHA-256 of the certificate that the server has shown.
  func serverFingerprint() throws -> [UInt8] {
    let certificate = try unsafe #require(SSL_get1_peer_certificate(ssl))
    defer { unsafe X509_free(certificate) }
    return unsafe digest(certificate, EVP_sha256())
  }
}

private func clientInterval(_ ssl: OpaquePointer?, _ interval: UInt32) -> UInt32 {
  guard let client = unsafe SSL_get_ex_data(ssl, 0) else { return 0 }
  return unsafe Unmanaged<DTLSClient>.fromOpaque(client).takeUnretainedValue().chooseInterval()
}

/// A key of 2,048 bits.
private func makeRSAKey() -> OpaquePointer? {
  let context = unsafe EVP_PKEY_CTX_new_from_name(nil, "RSA", nil)
  defer { unsafe EVP_PKEY_CTX_free(context) }
  var key: OpaquePointer?
  guard unsafe EVP_PKEY_keygen_init(context) == 1 else { return nil }
  unsafe EVP_PKEY_generate(context, &key)
  return unsafe key
}

struct CheckFailed: Error {}

private func check(_ isTrue: Bool) throws {
  if !isTrue { throw CheckFailed() }
}
