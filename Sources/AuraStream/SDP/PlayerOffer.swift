/// Our own offer when we listen: one sound, received on one port, all in it at once (RFC 8829).
package struct PlayerOffer: Sendable {
  /// What we call Opus and redundant Opus: the numbers Chromium gives them.
  package static let opusPayloadType: UInt8 = 111
  package static let redPayloadType: UInt8 = 63
  /// What we call uncompressed sound: numbers nobody has a fixed use for.
  package static let linearPayloadTypes: [(coding: LinearAudio, type: UInt8)] = [
    (.l24, 96), (.l16, 97),
  ]

  /// Our fragment and password: 4 or more and 22 or more random letters and digits.
  package var userFragment: String, password: String
  /// Of our certificate.
  package var fingerprint: CertificateFingerprint
  /// Where we can be reached, the best first. A lite server needs none of them.
  package var candidates: [ICECandidate]
  /// A random number.
  package var sessionID: UInt64
  /// Whether to ask for older frames beside the current one (RFC 2198).
  package var wantsRED = true
  /// Whether to ask for uncompressed sound first; Opus is offered behind it.
  package var wantsLinear = false
  /// The packet duration we would like best; nil leaves it to the server.
  package var packetTime: Duration?

  package init(
    userFragment: String, password: String, fingerprint: CertificateFingerprint,
    candidates: [ICECandidate], sessionID: UInt64
  ) {
    self.userFragment = userFragment
    self.password = password
    self.fingerprint = fingerprint
    self.candidates = candidates
    self.sessionID = sessionID
  }

  /// The offer as SDP, every line ended by CRLF.
  package var text: String {
    let address = candidates.first?.address
    let formats =
      linear.map(\.type) + [Self.opusPayloadType] + (wantsRED ? [Self.redPayloadType] : [])
    let lines =
      [
        "v=0", "o=- \(sessionID & (1 << 62 - 1)) 1 IN IP4 0.0.0.0", "s=-", "t=0 0",
        "a=group:BUNDLE 0",
        "m=audio \(candidates.first?.endpoint.port ?? 9) UDP/TLS/RTP/SAVPF "
          + formats.map(String.init).joined(separator: " "),
        address.map { "c=IN \($0.isIPv4 ? "IP4" : "IP6") \($0)" } ?? "c=IN IP4 0.0.0.0",
        "a=mid:0", "a=recvonly", "a=rtcp-mux", "a=rtcp-rsize", "a=rtcp-xr:rcvr-rtt=all",
        "a=ice-ufrag:\(userFragment)", "a=ice-pwd:\(password)", "a=fingerprint:\(fingerprint)",
        "a=setup:actpass",
      ] + formatLines + candidates.map { "a=\($0)" } + ["a=end-of-candidates"]
    return lines.map { $0 + "\r\n" }.joined()
  }

  private var linear: [(coding: LinearAudio, type: UInt8)] {
    wantsLinear ? Self.linearPayloadTypes : []
  }

  private var formatLines: [String] {
    let opus = Self.opusPayloadType
    var lines = linear.map { "a=rtpmap:\($0.type) \($0.coding.rawValue)/48000/2" }
    lines += ["a=rtpmap:\(opus) opus/48000/2", "a=fmtp:\(opus) stereo=1;useinbandfec=1"]
    for type in linear.map(\.type) + [opus] {
      lines += ["a=rtcp-fb:\(type) nack", "a=rtcp-fb:\(type) rrtr"]
    }
    if wantsRED {
      let red = Self.redPayloadType
      lines += ["a=rtpmap:\(red) red/48000/2", "a=fmtp:\(red) \(opus)/\(opus)"]
    }
    if let packetTime { lines.append("a=ptime:\(max(1, packetTime.inNanoseconds / 1_000_000))") }
    return lines
  }
}
