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
      let audio = SDPAudioSection(lines: sdp.media[index], section: section, sdp: sdp)
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

extension SDPAudioSection {
  fileprivate func offer(
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
    let linear = linear(before: opus)
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
      opusParameters: pairs(of: opus), redPayloadType: redundancy(of: opus), linear: linear,
      feedback: feedback(for: linear?.payloadType ?? opus),
      hasReducedSizeRTCP: lines["rtcp-rsize"] != nil,
      offersReceiverReferenceTime: offersReceiverReferenceTime,
      headerExtensions: headerExtensions)
  }

  /// Without a word, the offerer begins (RFC 4145 section 4).
  private func setup(_ bundle: [Substring]) throws(SDPError) -> SessionOffer.Setup {
    let word = places(bundle).lazy.compactMap { $0["setup"] }.first ?? "active"
    guard let setup = SessionOffer.Setup(rawValue: word), setup == .active || setup == .actpass
    else { throw .passive(setup: word) }
    return setup
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
