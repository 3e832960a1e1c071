extension SessionOffer {
  /// Reads an offer.
  ///
  /// - Parameter text: SDP, lines ended by CRLF or LF.
  /// - Throws: `SDPError`, whose description is a sentence for whoever made the offer. When no audio
  ///   section is usable, it tells what the first one lacks.
  package init(parsing text: String) throws(SDPError) {
    let sdp = try SDPText(parsing: text)
    let sections = sdp.media.map(Section.init)
    var firstError: SDPError?
    for (index, section) in sections.enumerated() where section.kind == "audio" {
      guard !sdp.media[index].isRejected else { continue }
      let audio = AudioSection(lines: sdp.media[index], section: section, sdp: sdp)
      do throws(SDPError) {
        self = try audio.offer(sections: sections, index: index)
        return
      } catch {
        firstError = firstError ?? error
      }
    }
    throw firstError ?? .noAudio
  }
}

extension SDPText.Section {
  /// What `rtpmap` or `fmtp` say of each payload type; of two that speak of one the first counts.
  fileprivate func formats(_ name: String) -> [UInt8: String] {
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
  fileprivate var isRejected: Bool {
    media.split(separator: " ").dropFirst().first == "0" && self["bundle-only"] == nil
  }
}

extension SessionOffer.Section {
  /// From `audio 9 UDP/TLS/RTP/SAVPF 111 63`.
  init(_ lines: SDPText.Section) {
    let fields = lines.media.split(separator: " ").map(String.init)
    (kind, transport) = (fields[0], fields[2])
    formats = Array(fields[3...])
    mid = lines["mid"].flatMap { $0.isEmpty || $0.contains(" ") ? nil : $0 }
  }

  static let transports = ["UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"]

  /// The lines of the first format that is described, if the section is for RTP on a shared port.
  func describedFormat(_ lines: SDPText.Section) -> [String] {
    guard Self.transports.contains(transport), lines["rtcp-mux"] != nil, !lines.isRejected else {
      return []
    }
    let names = lines.formats("rtpmap")
    guard let format = formats.lazy.compactMap({ UInt8($0) }).first(where: { names[$0] != nil }),
      let name = names[format]
    else { return [] }
    let parameters = lines.formats("fmtp")[format]
    return ["rtpmap:\(format) \(name)"] + (parameters.map { ["fmtp:\(format) \($0)"] } ?? [])
  }
}

/// An m=audio section on trial.
private struct AudioSection {
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

  func offer(
    sections: [SessionOffer.Section], index: Int
  ) throws(SDPError) -> SessionOffer {
    guard SessionOffer.Section.transports.contains(section.transport) else {
      throw .notSecure(transport: section.transport)
    }
    let direction = self.direction
    guard direction == .receiveOnly || direction == .sendReceive else {
      throw .notReceiving(direction: direction.rawValue)
    }
    guard let opus = payloadType(named: "opus", channels: 2) else { throw .noOpus }
    guard lines["rtcp-mux"] != nil else { throw .noMultiplexing }
    guard sdp.session["ice-lite"] == nil, lines["ice-lite"] == nil else { throw .lite }
    let bundle = self.bundle
    let (fragment, password) = try credentials(bundle)
    let setup = try self.setup(bundle)
    var sections = sections
    for other in sections.indices where other != index {
      // Of two sections with one name the first is meant.
      guard let mid = sections[other].mid, bundle.contains(mid[...]), mid != section.mid,
        sections.firstIndex(where: { $0.mid == mid }) == other
      else { continue }
      sections[other].format = sections[other].describedFormat(sdp.media[other])
    }
    let answered = bundle.map(String.init).filter { mid in
      mid == section.mid || sections.contains { $0.mid == mid && !$0.format.isEmpty }
    }
    return SessionOffer(
      sections: sections, audioIndex: index, bundle: answered,
      userFragment: fragment, password: password, fingerprints: try fingerprints(bundle),
      setup: setup, direction: direction, opusPayloadType: opus,
      opusParameters: pairs(of: opus), redPayloadType: redundancy(of: opus),
      feedback: feedback(for: opus), hasReducedSizeRTCP: lines["rtcp-rsize"] != nil,
      offersReceiverReferenceTime: offersReceiverReferenceTime,
      headerExtensions: headerExtensions)
  }

  /// Without a word of its own, the session's; without either, both ways.
  private var direction: SessionOffer.Direction {
    for place in [lines, sdp.session] {
      for attribute in place.attributes {
        if let direction = SessionOffer.Direction(rawValue: attribute.name) { return direction }
      }
    }
    return .sendReceive
  }

  /// The names of the sections that share the audio's transport; empty when it has its own.
  private var bundle: [Substring] {
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
  private func places(_ bundle: [Substring]) -> [SDPText.Section] {
    let names = Set(bundle)
    return [lines, sdp.session] + sdp.media.filter { names.contains(($0["mid"] ?? "")[...]) }
  }

  /// RFC 8839 wants four characters and 22 at least; whoever chose fewer harms only itself.
  private func credentials(_ bundle: [Substring]) throws(SDPError) -> (String, String) {
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

  private func fingerprints(_ bundle: [Substring]) throws(SDPError) -> [CertificateFingerprint] {
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

  /// Without a word, the offerer begins (RFC 4145 section 4).
  private func setup(_ bundle: [Substring]) throws(SDPError) -> SessionOffer.Setup {
    let word = places(bundle).lazy.compactMap { $0["setup"] }.first ?? "active"
    guard let setup = SessionOffer.Setup(rawValue: word), setup == .active || setup == .actpass
    else { throw .passive(setup: word) }
    return setup
  }

  // MARK: Formats

  /// The first payload type of the m= line with this name at 48 kHz.
  private func payloadType(
    named name: String, channels: Int, where condition: (UInt8) -> Bool = { _ in true }
  ) -> UInt8? {
    let accepted = ["\(name)/48000/\(channels)", "\(name)/48000"]
    return section.formats.lazy.compactMap { UInt8($0) }.first { type in
      accepted.contains(names[type]?.lowercased() ?? "") && condition(type)
    }
  }

  private func pairs(of type: UInt8) -> [String: String] {
    var pairs: [String: String] = [:]
    for pair in (parameters[type] ?? "").split(separator: ";") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      guard let key = parts.first?.trimmed.lowercased(), pairs[key] == nil else { continue }
      pairs[key] = parts.count == 2 ? parts[1].trimmed : ""
    }
    return pairs
  }

  /// RED is of use only if Opus is all that is in it.
  private func redundancy(of opus: UInt8) -> UInt8? {
    payloadType(named: "red", channels: 2) { type in
      let blocks = (parameters[type] ?? "").split(separator: "/").map { UInt8($0) }
      return blocks.count >= 2 && blocks.allSatisfy { $0 == opus }
    }
  }

  private func feedback(for type: UInt8) -> [String] {
    var feedback: [String] = []
    for value in lines.values("rtcp-fb") {
      let parts = value.split(separator: " ", maxSplits: 1)
      guard parts.count == 2, parts[0] == "*" || UInt8(parts[0]) == type else { continue }
      let name = parts[1].trimmed.lowercased()
      if !feedback.contains(name), feedback.count < 16 { feedback.append(name) }
    }
    return feedback
  }

  private var offersReceiverReferenceTime: Bool {
    [lines, sdp.session].contains { place in
      place.values("rtcp-xr").contains { value in
        value.split(separator: " ").contains { $0.hasPrefix("rcvr-rtt=") }
      }
    }
  }

  private var headerExtensions: [SessionOffer.HeaderExtension] {
    var extensions: [SessionOffer.HeaderExtension] = []
    for place in [lines, sdp.session] {
      for value in place.values("extmap") where extensions.count < 64 {
        let words = value.split(separator: " ")
        guard words.count >= 2,
          let id = words[0].split(separator: "/").first.flatMap({ UInt8($0) }),
          !extensions.contains(where: { $0.id == id })
        else { continue }
        extensions.append(.init(id: id, uri: String(words[1])))
      }
    }
    return extensions
  }
}
