internal import COpenSSL

/// What an offer says its sender's certificate hashes to (RFC 8122 §5).
package struct CertificateFingerprint: Equatable, Sendable, CustomStringConvertible {
  /// The hash functions we accept, the weakest first. SHA-1 and MD5 are none.
  package enum Hash: Int, CaseIterable, Sendable {
    case sha256 = 32
    case sha384 = 48
    case sha512 = 64

    /// The name as SDP has it.
    package var name: String { "sha-\(rawValue * 8)" }

    /// The length of a hash in bytes.
    package var byteCount: Int { rawValue }
  }

  /// The hash function.
  package let hash: Hash
  /// The hash; `hash.byteCount` bytes.
  package let bytes: [UInt8]

  /// A fingerprint as an offer has it.
  ///
  /// - Parameters:
  ///   - name: of the hash function, such as `sha-256`, in letters of either case.
  ///   - bytes: the hash.
  /// - Throws: `CryptoError` with a sentence for the offer's sender: for a function we do not
  ///   accept, or a hash of the wrong length.
  package init(name: String, bytes: [UInt8]) throws(CryptoError) {
    let name = name.lowercased()
    guard let hash = Hash.allCases.first(where: { $0.name == name }) else {
      throw CryptoError(
        "a fingerprint made with \(name.prefix(20)) is not accepted; "
          + "use \(Hash.allCases.map(\.name).joined(separator: ", "))")
    }
    guard bytes.count == hash.byteCount else {
      throw CryptoError("a \(name) fingerprint has \(hash.byteCount) bytes, not \(bytes.count)")
    }
    self.hash = hash
    self.bytes = bytes
  }

  /// Those that count of all that an offer has: those with the strongest hash (RFC 8122 §5.1).
  static func strongest(_ fingerprints: [Self]) -> [Self] {
    let strongest = fingerprints.map(\.hash.rawValue).max()
    return fingerprints.filter { $0.hash.rawValue == strongest }
  }

  /// The bytes as SDP has them: `AB:CD:…`.
  package var text: String {
    bytes.map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return byte < 16 ? "0" + digits : digits
    }.joined(separator: ":")
  }

  /// Name and bytes as the attribute of SDP has them: `sha-256 AB:CD:…`.
  package var description: String { "\(hash.name) \(text)" }

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
    self.hash = hash
    self.bytes = bytes
  }
}
