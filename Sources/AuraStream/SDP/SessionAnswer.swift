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
      if index == offer.audioIndex {
        lines += audioLines
      } else {
        lines += section.format.isEmpty ? Self.refusal(of: section) : silence(for: section)
      }
    }
    return lines.map { $0 + "\r\n" }.joined()
  }

  private var sessionLines: [String] {
    // RFC 8866 wants a name, and one without a byte of control.
    let scalars = broadcastName.unicodeScalars.lazy.filter { scalar in
      scalar.value >= 0x20 && !(0x7f...0x9f).contains(scalar.value)
    }
    let name = scalars.prefix(200).reduce(into: "") { $0.unicodeScalars.append($1) }
    var lines = [
      "v=0", "o=- \(sessionID & (1 << 62 - 1)) 1 IN IP4 0.0.0.0", "s=\(name.isEmpty ? "-" : name)",
      "t=0 0", "a=ice-lite",
    ]
    if offer.isBundled {
      lines.append("a=group:BUNDLE \(offer.bundle.joined(separator: " "))")
    }
    return lines
  }

  // MARK: The sound

  private var audioLines: [String] {
    let section = offer.sections[offer.audioIndex]
    let types =
      offer.linear.map { [$0.payloadType] }
      ?? [offer.opusPayloadType] + (acceptedRED.map { [$0] } ?? [])
    var lines = opening(of: section, formats: types.map(String.init))
    lines.append("a=sendonly")
    lines += transportLines(of: section)
    if offer.hasReducedSizeRTCP { lines.append("a=rtcp-rsize") }
    if offer.offersReceiverReferenceTime { lines.append("a=rtcp-xr:rcvr-rtt=all") }
    lines += formatLines
    return lines + ["a=msid:\(cname) \(cname)-audio", "a=ssrc:\(ssrc) cname:\(cname)"]
  }

  private var acceptedRED: UInt8? { acceptsRED ? offer.redPayloadType : nil }

  private var formatLines: [String] {
    let opus = offer.opusPayloadType
    let type = offer.linear?.payloadType ?? opus
    var lines =
      offer.linear.map { ["a=rtpmap:\(type) \($0.coding.rawValue)/48000/2"] }
      ?? ["a=rtpmap:\(opus) opus/48000/2", "a=fmtp:\(opus) stereo=1;sprop-stereo=1"]
    // What is not offered must not be answered (RFC 4585 section 4.2).
    for name in ["nack", "rrtr"] where offer.feedback.contains(name) {
      lines.append("a=rtcp-fb:\(type) \(name)")
    }
    if offer.linear == nil, let red = acceptedRED {
      lines += ["a=rtpmap:\(red) red/48000/2", "a=fmtp:\(red) \(opus)/\(opus)"]
    }
    if let packetTime { lines.append("a=ptime:\(max(1, packetTime.inNanoseconds / 1_000_000))") }
    return lines
  }

  // MARK: What every section has

  private func opening(of section: SessionOffer.Section, formats: [String]) -> [String] {
    let address = candidates.first?.address
    return [
      "m=\(section.kind) \(candidates.first?.endpoint.port ?? 9) \(section.transport) "
        + formats.joined(separator: " "),
      // Where the sound comes from if nobody checks: the best candidate (RFC 8839 section 4.2.1.2).
      address.map { "c=IN \($0.isIPv4 ? "IP4" : "IP6") \($0)" } ?? "c=IN IP4 0.0.0.0",
    ] + (section.mid.map { ["a=mid:\($0)"] } ?? [])
  }

  private func transportLines(of section: SessionOffer.Section) -> [String] {
    let lines = [
      "a=rtcp-mux", "a=ice-ufrag:\(userFragment)", "a=ice-pwd:\(password)",
      "a=fingerprint:\(fingerprint)", "a=setup:passive",
    ]
    // Those of a bundle stand with its first section, and are read nowhere else.
    guard !offer.isBundled || section.mid == offer.bundle.first else { return lines }
    return lines + candidates.map { "a=\($0)" } + ["a=end-of-candidates"]
  }

  // MARK: The other sections

  /// A section of the audio's bundle stays, inactive: Chromium cannot keep a bundle whose first section
  /// is refused.
  private func silence(for section: SessionOffer.Section) -> [String] {
    let format = section.format[0].drop { $0 != ":" }.dropFirst().prefix { $0 != " " }
    return opening(of: section, formats: [String(format)]) + ["a=inactive"]
      + transportLines(of: section) + section.format.map { "a=\($0)" }
  }

  private static func refusal(of section: SessionOffer.Section) -> [String] {
    [
      "m=\(section.kind) 0 \(section.transport) \(section.formats.first ?? "0")",
      "c=IN IP4 0.0.0.0",
    ] + (section.mid.map { ["a=mid:\($0)"] } ?? []) + ["a=inactive"]
  }
}
