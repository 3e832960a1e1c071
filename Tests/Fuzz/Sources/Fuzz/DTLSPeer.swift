internal import AuraCrypto
internal import COpenSSL

/// A listener's end of a DTLS handshake, of OpenSSL's memory BIOs. It repeats nothing by itself.
@safe final class DTLSPeer {
  /// The SHA-256 of its certificate, which all of them share.
  let fingerprint: [UInt8]
  private(set) var isEstablished = false
  private let ssl: OpaquePointer
  private let input: OpaquePointer
  private let output: OpaquePointer

  init() {
    let shared = SharedClient.instance
    fingerprint = shared.fingerprint
    guard let ssl = unsafe SSL_new(shared.context), let input = unsafe BIO_new(BIO_s_mem()),
      let output = unsafe BIO_new(BIO_s_mem())
    else { fatalError("OpenSSL makes no client") }
    unsafe (self.ssl, self.input, self.output) = (ssl, input, output)
    unsafe SSL_set_bio(ssl, input, output)
    unsafe SSL_set_options(ssl, 1 << 12)  // SSL_OP_NO_QUERY_MTU
    _ = unsafe aura_set_mtu(ssl, 1_200)
    unsafe DTLS_set_timer_cb(ssl, longInterval)
    unsafe SSL_set_connect_state(ssl)
  }

  deinit { unsafe SSL_free(ssl) }

  /// Takes a datagram, or begins.
  func receive(_ datagram: [UInt8]?) {
    if let datagram { _ = unsafe BIO_write(input, datagram, Int32(datagram.count)) }
    ERR_clear_error()
    if isEstablished {
      var ignored = [UInt8](repeating: 0, count: 2_048)
      _ = unsafe SSL_read(ssl, &ignored, 2_048)
    } else if unsafe SSL_do_handshake(ssl) == 1 {
      isEstablished = true
    }
  }

  /// The records it has made, each a datagram.
  func takeRecords() -> [[UInt8]] {
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    let count = max(0, Int(unsafe BIO_read(output, &bytes, Int32(bytes.count))))
    var records: [[UInt8]] = []
    var start = 0
    while start + 13 <= count {
      let end = min(count, start + 13 + Int(bytes[start + 11]) << 8 + Int(bytes[start + 12]))
      records.append(Array(bytes[start..<end]))
      start = end
    }
    return records
  }

  /// What the handshake has led to, as the client sees it; the profile is always GCM.
  var keys: SRTPKeys? {
    var material = [UInt8](repeating: 0, count: 56)
    let label = "EXTRACTOR-dtls_srtp"
    guard
      unsafe SSL_export_keying_material(
        ssl, &material, material.count, label, label.utf8.count, nil, 0, 0) == 1
    else { return nil }
    return SRTPKeys(
      profile: .aeadAES128GCM, localKey: Array(material[..<16]),
      localSalt: Array(material[32..<44]), remoteKey: Array(material[16..<32]),
      remoteSalt: Array(material[44...]))
  }
}

/// OpenSSL's timer interval in microseconds: nothing depends on the clock.
private func longInterval(_ ssl: OpaquePointer?, _ interval: UInt32) -> UInt32 { 4_000_000_000 }

/// A certificate and settings, made once.
@safe private struct SharedClient: @unchecked Sendable {
  // Sendable: never changed after it was made.
  static let instance = SharedClient()

  let context: OpaquePointer
  let fingerprint: [UInt8]

  private init() {
    guard let key = unsafe aura_new_p256_key(), let certificate = unsafe X509_new(),
      let context = unsafe SSL_CTX_new(DTLS_client_method())
    else { fatalError("OpenSSL makes no client") }
    unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), 0)
    unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), 3_600)
    let isMade =
      unsafe X509_set_pubkey(certificate, key) == 1
      && X509_sign(certificate, key, EVP_sha256()) > 0
      && SSL_CTX_set_tlsext_use_srtp(context, "SRTP_AEAD_AES_128_GCM") == 0
      && SSL_CTX_use_certificate(context, certificate) == 1
      && SSL_CTX_use_PrivateKey(context, key) == 1
    guard isMade else { fatalError("OpenSSL makes no certificate") }
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
    var digest = [UInt8](repeating: 0, count: 32)
    unsafe X509_digest(certificate, EVP_sha256(), &digest, nil)
    unsafe EVP_PKEY_free(key)
    unsafe X509_free(certificate)
    unsafe self.context = context
    fingerprint = digest
  }
}
