internal import AuraCrypto
internal import AuraStream

/// The cryptography of one listener's session, on OpenSSL: handshake, then feedback.
struct ListenerDTLS: ~Copyable, DTLSEngine {
  private var server: DTLSHandshake
  private var feedback: SRTCPReceiver?
  private(set) var progress = DTLSProgress<SRTPKeys>.handshaking

  /// - Throws: `CryptoError` when OpenSSL has no memory.
  init(identity: DTLSIdentity, peer: CertificateFingerprint, now: HostTime) throws(CryptoError) {
    server = try DTLSHandshake(identity: identity, peerFingerprint: peer, now: now)
  }

  var deadline: HostTime? { server.deadline }

  mutating func receive(_ datagram: RawSpan, now: HostTime) {
    server.receive(datagram, now: now)
    follow()
  }

  mutating func timeout(now: HostTime) {
    server.timeout(now: now)
    follow()
  }

  mutating func nextDatagram() -> [UInt8]? { server.nextDatagram() }

  mutating func close() { server.close() }

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
    switch server.state {
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
