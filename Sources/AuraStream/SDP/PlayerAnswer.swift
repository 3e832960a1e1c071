/// What a server has answered to our offer, as far as listening needs it (RFC 8829, RFC 8839).
package struct PlayerAnswer: Equatable, Sendable {
  /// The most candidates kept.
  package static let mostCandidates = 32

  /// The server's fragment and password: the one goes into our checks, the other guards them.
  package var userFragment: String, password: String
  /// One or more, all of one certificate; not empty.
  package var fingerprints: [CertificateFingerprint]
  /// Whether the server only answers checks and never makes any.
  package var isLite: Bool
  /// Whether the server begins the DTLS handshake; if not, we do.
  package var beginsHandshake: Bool
  /// Where to reach it, the best first; not empty.
  package var candidates: [ICECandidate]
  /// What the sound's packets are called, and redundant Opus (RFC 2198) where it was agreed on.
  package var payloadType: UInt8, redPayloadType: UInt8?
  /// How uncompressed sound is coded; nil where it is Opus.
  package var linear: LinearAudio?
  /// Opus's parameters, keys in small letters: `stereo` to `1`.
  package var opusParameters: [String: String]
  /// How much sound will be in a packet, where it is told.
  package var packetTime: Duration?
  /// The source the sound comes from, where it is told.
  package var ssrc: UInt32?
  /// Whether lost packets may be asked for.
  package var answersNACK: Bool
  /// Whether our clock will be echoed (RFC 3611).
  package var echoesReferenceTime: Bool
  /// Whether RTCP may come in packets of one (RFC 5506).
  package var hasReducedSizeRTCP: Bool
}

extension PlayerAnswer {
  /// Reads an answer.
  ///
  /// - Parameter text: SDP, lines ended by CRLF or LF; bounded as an offer is.
  /// - Throws: `PlayerAnswerError`, whose description is a sentence for whoever wants to listen.
  package init(parsing text: String) throws(PlayerAnswerError) {
    do throws(SDPError) {
      self = try Self.read(text)
    } catch {
      throw PlayerAnswerError(error)
    }
    guard !candidates.isEmpty else { throw .noCandidates }
  }

  private static func read(_ text: String) throws(SDPError) -> Self {
    let sdp = try SDPText(parsing: text)
    guard let lines = sdp.media.first(where: { $0.media.hasPrefix("audio ") && !$0.isRejected })
    else { throw .noAudio }
    return try SDPAudioSection(lines: lines, section: .init(lines), sdp: sdp).answer()
  }
}

extension SDPAudioSection {
  fileprivate func answer() throws(SDPError) -> PlayerAnswer {
    guard SessionOffer.Section.transports.contains(section.transport) else {
      throw .notSecure(transport: section.transport)
    }
    let direction = self.direction
    guard direction == .sendOnly || direction == .sendReceive else {
      throw .notReceiving(direction: direction.rawValue)
    }
    let opus = payloadType(named: "opus", channels: 2)
    let linear = linear(before: opus)
    guard let type = linear?.payloadType ?? opus else { throw .noOpus }
    guard lines["rtcp-mux"] != nil else { throw .noMultiplexing }
    let bundle = self.bundle
    let (fragment, password) = try credentials(bundle)
    let feedback = feedback(for: type)
    return PlayerAnswer(
      userFragment: fragment, password: password, fingerprints: try fingerprints(bundle),
      isLite: sdp.session["ice-lite"] != nil || lines["ice-lite"] != nil,
      beginsHandshake: try beginsHandshake(bundle), candidates: candidates(bundle),
      payloadType: type, redPayloadType: linear == nil ? redundancy(of: type) : nil,
      linear: linear?.coding, opusParameters: linear == nil ? pairs(of: type) : [:],
      packetTime: packetTime, ssrc: ssrc,
      answersNACK: feedback.contains("nack"),
      echoesReferenceTime: feedback.contains("rrtr") || offersReceiverReferenceTime,
      hasReducedSizeRTCP: lines["rtcp-rsize"] != nil)
  }

  /// Without a word we begin: a server that waits for us would wait for ever.
  private func beginsHandshake(_ bundle: [Substring]) throws(SDPError) -> Bool {
    let word = places(bundle).lazy.compactMap { $0["setup"] }.first ?? "passive"
    guard word == "active" || word == "passive" else { throw .passive(setup: word) }
    return word == "active"
  }

  /// Those we can send to, of the audio or of another section of its bundle.
  private func candidates(_ bundle: [Substring]) -> [ICECandidate] {
    for place in places(bundle) {
      var usable: [ICECandidate] = []
      for value in place.values("candidate") {
        guard usable.count < PlayerAnswer.mostCandidates, let candidate = ICECandidate(value),
          !usable.contains(where: { $0.endpoint == candidate.endpoint })
        else { continue }
        usable.append(candidate)
      }
      if !usable.isEmpty { return usable.sorted { $0.priority > $1.priority } }
    }
    return []
  }

  private var packetTime: Duration? {
    guard let milliseconds = lines["ptime"].flatMap(Double.init), (1...240).contains(milliseconds)
    else { return nil }
    return .microseconds(Int64(milliseconds * 1_000))
  }

  private var ssrc: UInt32? {
    lines["ssrc"]?.split(separator: " ").first.flatMap { UInt32($0) }
  }
}
