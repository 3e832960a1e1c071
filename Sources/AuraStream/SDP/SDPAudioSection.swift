extension SDPText.Section {
  /// What `rtpmap` or `fmtp` say of each payload type; of two that speak of one the first counts.
  func formats(_ name: String) -> [UInt8: String] {
    var formats: [UInt8: String] = [:]
    for value in values(name) {
      let parts = value.split(separator: " ", maxSplits: 1)
      guard parts.count == 2, let type = UInt8(parts[0]), type < 128, formats[type] == nil else {
        continue
      }
      formats[type] = parts[1].trimmed
    }
    return formats
  }

  /// Port zero, unless that only says that the port is another section's (RFC 9143 section 6).
  var isRejected: Bool {
    media.split(separator: " ").dropFirst().first == "0" && self["bundle-only"] == nil
  }
}

/// An m=audio section on trial, of an offer or of an answer.
struct SDPAudioSection {
  let lines: SDPText.Section
  let section: SessionOffer.Section
  let sdp: SDPText
  /// What `a=rtpmap` and `a=fmtp` say of each payload type.
  let names: [UInt8: String], parameters: [UInt8: String]

  init(lines: SDPText.Section, section: SessionOffer.Section, sdp: SDPText) {
    self.lines = lines
    self.section = section
    self.sdp = sdp
    names = lines.formats("rtpmap")
    parameters = lines.formats("fmtp")
  }

  /// Without a word of its own, the session's; without either, both ways.
  var direction: SessionOffer.Direction {
    for place in [lines, sdp.session] {
      for attribute in place.attributes {
        if let direction = SessionOffer.Direction(rawValue: attribute.name) { return direction }
      }
    }
    return .sendReceive
  }

  /// The names of the sections that share the audio's transport; empty when it has its own.
  var bundle: [Substring] {
    guard let mid = section.mid else { return [] }
    for group in sdp.session.values("group") {
      let words = group.split(separator: " ")
      if words.first == "BUNDLE", words.dropFirst().contains(mid[...]) {
        var known: Set<Substring> = []
        return words.dropFirst().filter { known.insert($0).inserted }
      }
    }
    return []
  }

  // MARK: Transport

  /// Where a transport attribute may stand: with the audio, for all, or with another section of
  /// its bundle, the first first. One walk, however many names a bundle has.
  func places(_ bundle: [Substring]) -> [SDPText.Section] {
    let names = Set(bundle)
    return [lines, sdp.session] + sdp.media.filter { names.contains(($0["mid"] ?? "")[...]) }
  }

  /// RFC 8839 wants four characters and 22 at least; whoever chose fewer harms only itself.
  func credentials(_ bundle: [Substring]) throws(SDPError) -> (String, String) {
    for place in places(bundle) {
      guard let fragment = place["ice-ufrag"], let password = place["ice-pwd"] else { continue }
      guard [fragment, password].allSatisfy(Self.isToken) else { throw .noCredentials }
      return (fragment, password)
    }
    throw .noCredentials
  }

  /// Up to 256 visible ASCII characters but the colon, which parts two fragments in a check.
  private static func isToken(_ text: String) -> Bool {
    (1...256).contains(text.utf8.count)
      && text.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: ":") }
  }

  func fingerprints(_ bundle: [Substring]) throws(SDPError) -> [CertificateFingerprint] {
    for place in places(bundle) {
      let all = Array(place.values("fingerprint"))
      guard let first = all.first else { continue }
      let usable = all.compactMap { CertificateFingerprint($0) }
      guard usable.isEmpty else { return usable }
      let hash = first.split(separator: " ").first.map { $0.lowercased() } ?? ""
      throw ["md2", "md5", "sha-1", "sha-224"].contains(hash)
        ? .weakFingerprint(hash: hash) : .noFingerprint
    }
    throw .noFingerprint
  }

  // MARK: Formats

  /// The first payload type of the m= line with this name at 48 kHz.
  func payloadType(
    named name: String, channels: Int, where condition: (UInt8) -> Bool = { _ in true }
  ) -> UInt8? {
    let accepted = ["\(name)/48000/\(channels)", "\(name)/48000"]
    return section.formats.lazy.compactMap { UInt8($0) }.first { type in
      accepted.contains(names[type]?.lowercased() ?? "") && condition(type)
    }
  }

  /// Uncompressed stereo, where it stands before `other`: earlier is preferred (RFC 3264 section 5.1).
  /// Of several, the finest that does.
  func linear(before other: UInt8?) -> LinearFormat? {
    for format in [LinearAudio.l24, .l16] {
      let isPreferred = { (type: UInt8) in
        guard let other else { return true }
        return section.formats.first { $0 == String(type) || $0 == String(other) } == String(type)
      }
      // Without a number of channels it would be mono (RFC 8866 section 6.6).
      let type = section.formats.lazy.compactMap { UInt8($0) }.first { type in
        names[type]?.uppercased() == "\(format.rawValue)/48000/2" && isPreferred(type)
      }
      if let type { return LinearFormat(coding: format, payloadType: type) }
    }
    return nil
  }

  func pairs(of type: UInt8) -> [String: String] {
    var pairs: [String: String] = [:]
    for pair in (parameters[type] ?? "").split(separator: ";") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      guard let key = parts.first?.trimmed.lowercased(), pairs[key] == nil else { continue }
      pairs[key] = parts.count == 2 ? parts[1].trimmed : ""
    }
    return pairs
  }

  /// RED is of use only if Opus is all that is in it.
  func redundancy(of opus: UInt8) -> UInt8? {
    payloadType(named: "red", channels: 2) { type in
      let blocks = (parameters[type] ?? "").split(separator: "/").map { UInt8($0) }
      return blocks.count >= 2 && blocks.allSatisfy { $0 == opus }
    }
  }

  func feedback(for type: UInt8) -> [String] {
    var feedback: [String] = []
    for value in lines.values("rtcp-fb") {
      let parts = value.split(separator: " ", maxSplits: 1)
      guard parts.count == 2, parts[0] == "*" || UInt8(parts[0]) == type else { continue }
      let name = parts[1].trimmed.lowercased()
      if !feedback.contains(name), feedback.count < 16 { feedback.append(name) }
    }
    return feedback
  }

  var offersReceiverReferenceTime: Bool {
    [lines, sdp.session].contains { place in
      place.values("rtcp-xr").contains { value in
        value.split(separator: " ").contains { $0.hasPrefix("rcvr-rtt=") }
      }
    }
  }
}
