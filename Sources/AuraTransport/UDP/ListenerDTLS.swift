internal import AuraCrypto
internal import AuraStream

/// The cryptography of one session's control side, on OpenSSL: handshake, then the peer's RTCP.
struct ListenerDTLS: ~Copyable, DTLSEngine {
  private var handshake: DTLSHandshake
  private var feedback: SRTCPReceiver?
  private(set) var progress = DTLSProgress<SRTPKeys>.handshaking

  /// - Throws: `CryptoError` when OpenSSL has no memory.
  init(identity: DTLSIdentity, peer: CertificateFingerprint, now: HostTime) throws(CryptoError) {
    try self.init(.server, identity: identity, peers: [peer], now: now)
  }

  /// - Throws: `CryptoError` without a fingerprint, or when OpenSSL has no memory.
  init(
    _ role: DTLSHandshake.Role, identity: DTLSIdentity, peers: [CertificateFingerprint],
    now: HostTime
  ) throws(CryptoError) {
    handshake = try DTLSHandshake(role, identity: identity, peerFingerprints: peers, now: now)
  }

  var deadline: HostTime? { handshake.deadline }

  mutating func receive(_ datagram: RawSpan, now: HostTime) {
    handshake.receive(datagram, now: now)
    follow()
  }

  mutating func timeout(now: HostTime) {
    handshake.timeout(now: now)
    follow()
  }

  mutating func nextDatagram() -> [UInt8]? { handshake.nextDatagram() }

  mutating func close() { handshake.close() }

  mutating func openFeedback(_ datagram: RawSpan) -> [UInt8]? {
    var bytes = datagram.array(0..<datagram.byteCount)
    guard
      let count = unsafe bytes.withUnsafeMutableBytes({ buffer in
        try? unsafe feedback?.unprotect(buffer)
      })
    else { return nil }
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  private mutating func follow() {
    switch handshake.state {
    case .handshaking: break
    case .established(let keys):
      if case .established = progress { return }
      do {
        feedback = try SRTCPReceiver(keys: keys)
        progress = .established(keys)
      } catch {
        progress = .failed(error.description)
      }
    case .failed(let reason): progress = .failed("\(reason)")
    case .closed: progress = .closed
    }
  }
}
