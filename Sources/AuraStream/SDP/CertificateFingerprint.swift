/// The hash of a certificate, by which a peer's DTLS is known to be the one that made the offer
/// (RFC 8122).
package struct CertificateFingerprint: Hashable, Sendable, CustomStringConvertible {
  /// Hashes strong enough to prove something.
  package enum Hash: String, Sendable, CaseIterable {
    case sha256 = "sha-256"
    case sha384 = "sha-384"
    case sha512 = "sha-512"

    package var byteCount: Int {
      switch self {
      case .sha256: 32
      case .sha384: 48
      case .sha512: 64
      }
    }
  }

  package let hash: Hash
  package let bytes: [UInt8]

  /// Nil unless the bytes are as many as the hash has.
  package init?(hash: Hash, bytes: [UInt8]) {
    guard bytes.count == hash.byteCount else { return nil }
    self.hash = hash
    self.bytes = bytes
  }

  /// A fingerprint as SDP has it: `sha-256 AB:CD:…`, in letters of either case.
  ///
  /// - Returns: nil for anything else, and for hashes that prove too little.
  package init?(_ text: String) {
    let parts = text.split(separator: " ")
    guard parts.count == 2, let hash = Hash(rawValue: parts[0].lowercased()) else { return nil }
    let pairs = parts[1].split(separator: ":", omittingEmptySubsequences: false)
    guard pairs.count == hash.byteCount else { return nil }
    var bytes: [UInt8] = []
    for pair in pairs {
      guard pair.utf8.count == 2, pair.allSatisfy(\.isHexDigit), let byte = UInt8(pair, radix: 16)
      else { return nil }
      bytes.append(byte)
    }
    self.init(hash: hash, bytes: bytes)
  }

  /// As SDP has it: `sha-256 AB:CD:…`.
  package var description: String {
    let pairs = bytes.map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }
    return "\(hash.rawValue) \(pairs.joined(separator: ":"))"
  }
}
