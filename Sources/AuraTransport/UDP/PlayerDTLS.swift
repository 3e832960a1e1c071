internal import AuraCrypto
internal import AuraStream

/// The cryptography of a listener's own session, on OpenSSL: handshake, then media in and reports
/// both ways.
struct PlayerDTLS: ~Copyable, PlayerEngine {
  private var control: ListenerDTLS
  private var media: SRTPReceiver?
  private var feedback: SRTCPSender?
  private var failure: String?

  /// - Throws: `CryptoError` without a fingerprint, or when OpenSSL has no memory.
  init(
    identity: DTLSIdentity, answer: PlayerAnswer, now: HostTime
  ) throws(CryptoError) {
    control = try ListenerDTLS(
      answer.beginsHandshake ? .server : .client, identity: identity, peers: answer.fingerprints,
      now: now)
  }

  var progress: DTLSProgress<SRTPKeys> { failure.map { .failed($0) } ?? control.progress }
  var deadline: HostTime? { control.deadline }

  mutating func receive(_ datagram: RawSpan, now: HostTime) {
    control.receive(datagram, now: now)
    guard media == nil, case .established(let keys) = control.progress else { return }
    do {
      media = try SRTPReceiver(keys: keys)
      feedback = try SRTCPSender(keys: keys)
    } catch {
      failure = error.description
    }
  }

  mutating func timeout(now: HostTime) { control.timeout(now: now) }
  mutating func nextDatagram() -> [UInt8]? { control.nextDatagram() }
  mutating func close() { control.close() }
  mutating func openFeedback(_ datagram: RawSpan) -> [UInt8]? { control.openFeedback(datagram) }

  mutating func openMedia(_ packet: UnsafeMutableRawBufferPointer) -> Int? {
    try? unsafe media?.unprotect(packet)
  }

  mutating func sealFeedback(_ packet: [UInt8]) -> [UInt8]? {
    guard let overhead = feedback?.overhead else { return nil }
    var bytes = packet + [UInt8](repeating: 0, count: overhead)
    let count = unsafe bytes.withUnsafeMutableBytes { buffer in
      try? unsafe feedback?.protect(buffer, length: packet.count)
    }
    guard count == bytes.count else { return nil }
    return bytes
  }
}
