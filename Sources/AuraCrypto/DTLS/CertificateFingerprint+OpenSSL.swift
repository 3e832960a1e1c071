internal import AuraStream
internal import COpenSSL

extension CertificateFingerprint {
  /// The fingerprint of a certificate; `nil` when OpenSSL cannot compute it.
  init?(of certificate: OpaquePointer, hash: Hash) {
    let function =
      switch hash {
      case .sha256: unsafe EVP_sha256()
      case .sha384: unsafe EVP_sha384()
      case .sha512: unsafe EVP_sha512()
      }
    var bytes = [UInt8](repeating: 0, count: hash.byteCount)
    guard unsafe X509_digest(certificate, function, &bytes, nil) == 1 else { return nil }
    self.init(hash: hash, bytes: bytes)
  }

  /// Those that count of all that an offer has: those with the strongest hash (RFC 8122 §5.1).
  static func strongest(_ fingerprints: [Self]) -> [Self] {
    let strongest = fingerprints.map(\.hash.byteCount).max()
    return fingerprints.filter { $0.hash.byteCount == strongest }
  }
}
