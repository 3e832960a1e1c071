/// Our answer to a listener's offer: one sound, sent from one port, all in it at once.
///
/// The lines were found to be enough, and not too much, for Chromium, Firefox and aiortc.
package struct SessionAnswer: Sendable {
  package var offer: SessionOffer
  /// Our own fragment and password, by which the listener's checks are known: 4 or more and 22 or
  /// more random letters and digits, new for each listener.
  package var userFragment: String, password: String
  /// Of our certificate.
  package var fingerprint: CertificateFingerprint
  /// Every address we can be reached at, the best first.
  package var candidates: [ICECandidate]
  /// The source the sound comes from, and its lasting name: letters, digits, `-`, `@`, `.`.
  package var ssrc: UInt32, cname: String
  /// For people; line breaks and the like are left out.
  package var broadcastName: String
  /// A number no other answer of this server has.
  package var sessionID: UInt64
  /// How much sound is in a packet; nil leaves it unsaid.
  package var packetTime: Duration?
  /// Whether redundancy is accepted where it is offered.
  package var acceptsRED = true

  package init(
    to offer: SessionOffer, userFragment: String, password: String,
    fingerprint: CertificateFingerprint, candidates: [ICECandidate], ssrc: UInt32, cname: String,
    broadcastName: String, sessionID: UInt64, packetTime: Duration? = nil
  ) {
    self.offer = offer
    self.userFragment = userFragment
    self.password = password
    self.fingerprint = fingerprint
    self.candidates = candidates
    self.ssrc = ssrc
    self.cname = cname
    self.broadcastName = broadcastName
    self.sessionID = sessionID
    self.packetTime = packetTime
  }

  /// The answer as SDP, every line ended by CRLF.
  package var text: String {
    var lines = sessionLines
    for (index, section) in offer.sections.enumerated() {
      lines += index == offer.audioIndex ? audioLines : Self.refusal(of: section)
    }
    return lines.map { $0 + "\r\n" }.joined()
  }

  private var sessionLines: [String] {
    // RFC 8866 wants a name, and one without a single byte of control.
    let name = String(
      String.UnicodeScalarView(
        broadcastName.unicodeScalars.filter { scalar in
          scalar.value >= 0x20 && !(0x7f...0x9f).contains(scalar.value)
        }
      ).prefix(200))
    var lines = [
      "v=0", "o=- \(sessionID & (1 << 62 - 1)) 1 IN IP4 0.0.0.0", "s=\(name.isEmpty ? "-" : name)",
      "t=0 0", "a=ice-lite",
    ]
    if offer.isBundled, let mid = offer.mid { lines.append("a=group:BUNDLE \(mid)") }
    return lines
  }

  private var audioLines: [String] {
    let transport = offer.sections[offer.audioIndex].transport
    let opus = offer.opusPayloadType
    let types = [opus] + (acceptsRED ? [offer.redPayloadType].compactMap { $0 } : [])
    var lines = [
      "m=audio \(candidates.first?.endpoint.port ?? 9) \(transport) "
        + types.map(String.init).joined(separator: " "),
      connection,
    ]
    if let mid = offer.mid { lines.append("a=mid:\(mid)") }
    lines += [
      "a=sendonly", "a=rtcp-mux", "a=ice-ufrag:\(userFragment)", "a=ice-pwd:\(password)",
      "a=fingerprint:\(fingerprint)", "a=setup:passive",
    ]
    if offer.hasReducedSizeRTCP { lines.append("a=rtcp-rsize") }
    if offer.offersReceiverReferenceTime { lines.append("a=rtcp-xr:rcvr-rtt=all") }
    lines += formatLines(opus)
    lines += ["a=msid:\(cname) \(cname)-audio", "a=ssrc:\(ssrc) cname:\(cname)"]
    lines += candidates.map { "a=\($0)" }
    return lines + ["a=end-of-candidates"]
  }

  /// Where the sound comes from if nobody checks: the best candidate (RFC 8839 section 4.2.1.2).
  private var connection: String {
    guard let address = candidates.first?.address else { return "c=IN IP4 0.0.0.0" }
    return "c=IN \(address.isIPv4 ? "IP4" : "IP6") \(address)"
  }

  private func formatLines(_ opus: UInt8) -> [String] {
    var lines = ["a=rtpmap:\(opus) opus/48000/2", "a=fmtp:\(opus) stereo=1;sprop-stereo=1"]
    // What is not offered must not be answered (RFC 4585 section 4.2).
    for name in ["nack", "rrtr"] where offer.feedback.contains(name) {
      lines.append("a=rtcp-fb:\(opus) \(name)")
    }
    if acceptsRED, let red = offer.redPayloadType {
      lines += ["a=rtpmap:\(red) red/48000/2", "a=fmtp:\(red) \(opus)/\(opus)"]
    }
    if let packetTime { lines.append("a=ptime:\(max(1, packetTime.inNanoseconds / 1_000_000))") }
    return lines
  }

  private static func refusal(of section: SessionOffer.Section) -> [String] {
    var lines = [
      "m=\(section.kind) 0 \(section.transport) \(section.formats.first ?? "0")",
      "c=IN IP4 0.0.0.0",
    ]
    if let mid = section.mid { lines.append("a=mid:\(mid)") }
    return lines + ["a=inactive"]
  }
}
