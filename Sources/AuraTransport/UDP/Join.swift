internal import AuraCrypto
internal import AuraStream

/// A listener that has been given an answer: all that is known before its first datagram.
struct Join: Sendable {
  /// Names the listener to others; cannot be guessed.
  let name: String
  let source: String
  let credentials: SessionCredentials
  let parameters: OutgoingFlow.Parameters
  let peerFingerprint: CertificateFingerprint
  let start: PacketStart

  init(
    _ offer: SessionOffer, fingerprint: CertificateFingerprint, source: String,
    start: PacketStart, configuration: WebRTCServer.Configuration
  ) {
    self.start = start
    name = Random.letters(22)
    self.source = source
    peerFingerprint = fingerprint
    credentials = SessionCredentials(
      // The length that `fragmentKey` takes; 47 bits name it, the password guards it.
      localFragment: Array(Random.letters(8).utf8), localPassword: Array(Random.letters(24).utf8),
      remoteFragment: Array(offer.userFragment.utf8),
      remotePassword: Array(offer.password.utf8), nonce: Random.integer())
    let linear = offer.linear
    parameters = OutgoingFlow.Parameters(
      ssrc: Random.integer(), payloadType: linear?.payloadType ?? offer.opusPayloadType,
      linear: linear?.coding, redundantPayloadType: linear == nil ? offer.redPayloadType : nil,
      tellsPlan: linear == nil && start.tellsPlan,
      answersNACK: offer.offersNACK, firstSequenceNumber: Random.integer() & 0x7fff,
      cname: Random.letters(16),
      packetDuration: linear?.coding.packetDuration ?? configuration.packetDuration,
      typicalPayloadBytes: linear?.coding.packetBytes ?? configuration.typicalPayloadBytes)
  }

  /// The answer that goes with it.
  func answer(
    to offer: SessionOffer, name: String, endpoints: [IPEndpoint],
    fingerprint: CertificateFingerprint
  ) -> String {
    SessionAnswer(
      to: offer, userFragment: String(decoding: credentials.localFragment, as: UTF8.self),
      password: String(decoding: credentials.localPassword, as: UTF8.self),
      fingerprint: fingerprint, candidates: ICECandidate.hosts(endpoints),
      ssrc: parameters.ssrc, cname: parameters.cname, broadcastName: name,
      sessionID: Random.integer(), packetTime: parameters.packetDuration
    ).text
  }
}

/// The user fragment of an answer of ours as a number, to find its listener by.
func fragmentKey(_ fragment: some Sequence<UInt8>) -> UInt64? {
  var key: UInt64 = 0
  var count = 0
  for byte in fragment {
    count += 1
    guard count <= 8 else { return nil }
    key = key << 8 | UInt64(byte)
  }
  return count == 8 ? key : nil
}

extension Random {
  /// Letters and digits nobody can foretell, 6 bits each.
  static func letters(_ count: Int) -> String {
    // ICE allows exactly 64 characters; URLs take two of them less well.
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789AB".utf8)
    return String(decoding: bytes(count).map { alphabet[Int($0 & 63)] }, as: UTF8.self)
  }
}
