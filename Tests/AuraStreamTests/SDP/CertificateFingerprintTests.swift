import AuraStream
import Testing

struct CertificateFingerprintTests {
  @Test(arguments: CertificateFingerprint.Hash.allCases)
  func aFingerprintSurvivesTheRoundTrip(hash: CertificateFingerprint.Hash) throws {
    let bytes = (0..<hash.byteCount).map { UInt8(truncatingIfNeeded: $0 * 37) }
    let fingerprint = try #require(CertificateFingerprint(hash: hash, bytes: bytes))
    #expect(CertificateFingerprint("\(fingerprint)") == fingerprint)
    #expect(CertificateFingerprint("\(fingerprint)".lowercased()) == fingerprint)
    #expect("\(fingerprint)".hasPrefix("\(hash.rawValue) 00:25:4A:"))
    #expect(CertificateFingerprint(hash: hash, bytes: bytes + [0]) == nil)
  }

  @Test func whatIsNoFingerprintIsNone() {
    let good = "sha-256 " + Array(repeating: "0A", count: 32).joined(separator: ":")
    #expect(CertificateFingerprint(good) != nil)
    for text in [
      "", "sha-256", good + ":0A", String(good.dropLast(3)), good + " x",
      good.replacing("sha-256", with: "sha-1"), good.replacing("sha-256 0A", with: "sha-256 +A"),
      good.replacing("sha-256 0A", with: "sha-256 A"), good.replacing(":", with: ""),
    ] {
      #expect(CertificateFingerprint(text) == nil, "\(text)")
    }
  }
}
