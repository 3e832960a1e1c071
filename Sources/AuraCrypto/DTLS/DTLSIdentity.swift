package import AuraStream
internal import COpenSSL

/// Who we are to the other side: a certificate that signs itself, made anew at each start, and all
/// that its handshakes have in common.
///
/// Nobody vouches for it: its fingerprint goes to the peer with our answer or offer, and the peer's
/// comes with the other.
@safe package final class DTLSIdentity: @unchecked Sendable {
  // Sendable: nothing changes after `init`, and OpenSSL counts references to it atomically.

  /// The fingerprint of our certificate, for our answers and offers.
  package let fingerprint: CertificateFingerprint
  /// Cipher suites, groups and the rest, shared by every handshake.
  let context: OpaquePointer

  /// The 32 bytes of the certificate's SHA-256.
  package var sha256Fingerprint: [UInt8] { fingerprint.bytes }

  /// A new key and its certificate.
  ///
  /// - Throws: `CryptoError` when OpenSSL cannot do it.
  package init() throws(CryptoError) {
    _ = HandshakeMemory.isOurs
    guard let key = unsafe aura_new_p256_key() else { throw .openSSL("make a P-256 key") }
    defer { unsafe EVP_PKEY_free(key) }
    let certificate = try unsafe makeCertificate(key)
    defer { unsafe X509_free(certificate) }
    guard let fingerprint = unsafe CertificateFingerprint(of: certificate, hash: .sha256) else {
      throw .openSSL("hash a certificate")
    }
    self.fingerprint = fingerprint
    unsafe context = try unsafe makeContext(key: key, certificate: certificate)
  }

  deinit { unsafe SSL_CTX_free(context) }
}

/// A certificate for a key. Nothing in it tells anything about this computer.
private func makeCertificate(_ key: OpaquePointer) throws(CryptoError) -> OpaquePointer {
  guard let certificate = unsafe X509_new() else { throw .openSSL("make a certificate") }
  let day = 24 * 60 * 60
  // Above zero and never the same: browsers look at it when two certificates have one issuer.
  var serial: UInt64 = 1
  for byte in Random.bytes(7) { serial = serial << 8 | UInt64(byte) }
  let name = unsafe X509_get_subject_name(certificate)
  let commonName = Array("AuraLync".utf8)
  let isMade =
    unsafe X509_set_version(certificate, 2) == 1
    && ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1
    // A clock that is behind must not make it one of the future.
    && X509_gmtime_adj(X509_getm_notBefore(certificate), -day) != nil
    && X509_gmtime_adj(X509_getm_notAfter(certificate), 365 * day) != nil
    && X509_NAME_add_entry_by_txt(
      name, "CN", MBSTRING_ASC, commonName, Int32(commonName.count), -1, 0) == 1
    && X509_set_issuer_name(certificate, name) == 1
    && X509_set_pubkey(certificate, key) == 1
    && X509_sign(certificate, key, EVP_sha256()) > 0
  guard isMade else {
    unsafe X509_free(certificate)
    throw .openSSL("make a certificate")
  }
  return unsafe certificate
}

/// What all handshakes have in common.
private func makeContext(
  key: OpaquePointer, certificate: OpaquePointer
) throws(CryptoError) -> OpaquePointer {
  guard let context = unsafe SSL_CTX_new(DTLS_method()) else {
    throw .openSSL("prepare DTLS")
  }
  unsafe SSL_CTX_set_verify(
    context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
  unsafe SSL_CTX_set_cert_verify_callback(context, verifyPeer, nil)
  let isMade =
    unsafe aura_configure_dtls(context, "X25519:P-256", DTLSHandshake.largestMessage) == 1
    && SSL_CTX_set_cipher_list(
      context,
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384"
        // For servers of others: some have an RSA key.
        + ":ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES256-GCM-SHA384"
    ) == 1
    // This one returns 0 when it has succeeded.
    && SSL_CTX_set_tlsext_use_srtp(context, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") == 0
    && SSL_CTX_use_certificate(context, certificate) == 1
    && SSL_CTX_use_PrivateKey(context, key) == 1
  guard isMade else {
    unsafe SSL_CTX_free(context)
    throw .openSSL("prepare DTLS")
  }
  return unsafe context
}
