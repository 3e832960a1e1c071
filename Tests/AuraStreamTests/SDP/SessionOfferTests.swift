import AuraStream
import Testing

struct SessionOfferTests {
  /// What the tests know of an offer.
  struct Expected: Sendable {
    var file: String
    var sections: [String]
    var audio: Int
    var mid: String
    var fragment: String
    var opus: UInt8
    var red: UInt8?
    var feedback: [String]
    var stereo = false
    var reducedSize = true
    var reference = false
    var hashes: [CertificateFingerprint.Hash] = [.sha256]
  }

  static let expected: [Expected] = [
    Expected(
      file: "chromium-audio", sections: ["audio"], audio: 0, mid: "0", fragment: "Na/q", opus: 111,
      red: 63, feedback: ["transport-cc"], reference: true),
    Expected(
      file: "chromium-audio-stereo-nack", sections: ["audio"], audio: 0, mid: "0", fragment: "f1tb",
      opus: 111, red: 63, feedback: ["nack", "rrtr", "transport-cc"], stereo: true, reference: true),
    Expected(
      file: "chromium-video-audio-data", sections: ["video", "audio", "application"], audio: 1,
      mid: "1", fragment: "@", opus: 111, red: 63, feedback: ["transport-cc"], reference: true),
    Expected(
      file: "chromium-max-bundle", sections: ["video", "audio"], audio: 1, mid: "1",
      fragment: "SmC+", opus: 111, red: 63, feedback: ["transport-cc"], reference: true),
    Expected(
      file: "firefox-audio", sections: ["audio"], audio: 0, mid: "0", fragment: "@", opus: 109,
      feedback: ["transport-cc"], stereo: true, reducedSize: false),
    Expected(
      file: "firefox-audio-stereo-nack", sections: ["audio"], audio: 0, mid: "0",
      fragment: "1ca5a1d1", opus: 109, feedback: ["transport-cc", "nack"], stereo: true,
      reducedSize: false),
    Expected(
      file: "firefox-video-audio-data", sections: ["video", "audio", "application"], audio: 1,
      mid: "1", fragment: "@", opus: 109, feedback: ["transport-cc"], stereo: true,
      reducedSize: false),
    Expected(
      file: "firefox-max-bundle", sections: ["video", "audio"], audio: 1, mid: "1",
      fragment: "89ff32cf", opus: 109, feedback: ["transport-cc"], stereo: true, reducedSize: false),
    Expected(
      file: "aiortc-audio", sections: ["audio"], audio: 0, mid: "0", fragment: "4Q1q", opus: 96,
      feedback: [], reducedSize: false, hashes: [.sha256, .sha384, .sha512]),
    Expected(
      file: "aiortc-video-audio-data", sections: ["video", "audio", "application"], audio: 1,
      mid: "1", fragment: "@", opus: 96, feedback: [], reducedSize: false,
      hashes: [.sha256, .sha384, .sha512]),
    Expected(
      file: "safari-audio-constructed", sections: ["audio"], audio: 0, mid: "0", fragment: "r8Vw",
      opus: 111, red: 63, feedback: ["transport-cc"]),
    Expected(
      file: "safari12-audio-video-data-constructed", sections: ["audio", "video", "application"],
      audio: 0, mid: "audio", fragment: "5wyY", opus: 111, feedback: ["transport-cc"],
      reducedSize: false),
    Expected(
      file: "gstreamer-audio-constructed", sections: ["audio"], audio: 0, mid: "audio0",
      fragment: "3tCl3+bcZwUkzPiyFxdLN/DhJaOaASAr", opus: 96, feedback: ["nack", "transport-cc"]),
    Expected(
      file: "obs-audio-video-constructed", sections: ["audio", "video"], audio: 0, mid: "0",
      fragment: "nxcM", opus: 111, feedback: [], stereo: true, reducedSize: false),
    Expected(
      file: "max-bundle-bare-constructed", sections: ["video", "audio"], audio: 1, mid: "a",
      fragment: "abcd", opus: 97, feedback: [], reducedSize: false),
  ]

  @Test func everyFileIsExpected() {
    #expect(OfferFiles.names == Self.expected.map(\.file).sorted())
  }

  @Test(arguments: expected)
  func anOfferIsRead(expected: Expected) throws {
    let text = try OfferFiles.text(expected.file)
    let offer = try SessionOffer(parsing: text)
    #expect(offer.sections.map(\.kind) == expected.sections)
    #expect(offer.audioIndex == expected.audio)
    #expect(offer.mid == expected.mid && offer.isBundled)
    #expect(offer.userFragment == expected.fragment.fallback(to: offer.userFragment))
    #expect(text.contains("a=ice-ufrag:\(offer.userFragment)\r\n"))
    #expect(text.contains("a=ice-pwd:\(offer.password)\r\n"))
    #expect(offer.fingerprints.map(\.hash) == expected.hashes)
    for fingerprint in offer.fingerprints { #expect(text.contains("a=fingerprint:\(fingerprint)")) }
    #expect(offer.fingerprint?.hash == .sha256)
    #expect(offer.setup == .actpass)
    #expect(offer.direction == .receiveOnly)
    #expect(offer.opusPayloadType == expected.opus)
    #expect(offer.redPayloadType == expected.red)
    #expect(offer.feedback == expected.feedback)
    #expect(offer.offersNACK == expected.feedback.contains("nack"))
    #expect(offer.wantsStereo == expected.stereo)
    #expect(offer.hasReducedSizeRTCP == expected.reducedSize)
    #expect(offer.offersReceiverReferenceTime == expected.reference)
  }

  @Test func linesMayEndWithALineFeedOnly() throws {
    for name in OfferFiles.names {
      let text = try OfferFiles.text(name)
      let bare = text.replacing("\r\n", with: "\n")
      #expect(bare != text)
      #expect(try SessionOffer(parsing: bare) == SessionOffer(parsing: text))
    }
  }

  @Test func headerExtensionsAndParametersAreKept() throws {
    let offer = try SessionOffer(parsing: OfferFiles.text("firefox-audio"))
    #expect(offer.headerExtensions.map(\.id) == [1, 2, 3, 7])
    #expect(offer.headerExtensions[1].uri == "urn:ietf:params:rtp-hdrext:csrc-audio-level")
    #expect(
      offer.opusParameters == ["maxplaybackrate": "48000", "stereo": "1", "useinbandfec": "1"])
  }

  // MARK: Variations

  /// The plain offer of Chromium with one thing changed.
  static func changed(_ old: String, _ new: String) throws -> String {
    let text = try OfferFiles.text("chromium-audio")
    let changed = text.replacing(old, with: new)
    try #require(changed != text, "\(old) is not in the offer")
    return changed
  }

  @Test(arguments: [
    ("a=recvonly\r\n", "", SessionOffer.Direction.sendReceive),
    ("a=recvonly", "a=sendrecv", .sendReceive),
    ("a=recvonly\r\n", "a=recvonly\r\na=sendonly\r\n", .receiveOnly),
  ])
  func directions(old: String, new: String, direction: SessionOffer.Direction) throws {
    #expect(try SessionOffer(parsing: Self.changed(old, new)).direction == direction)
  }

  @Test func aWordForTheSessionHoldsForTheAudio() throws {
    let text = try Self.changed("a=recvonly\r\n", "")
      .replacing("t=0 0\r\n", with: "t=0 0\r\na=recvonly\r\n")
    #expect(try SessionOffer(parsing: text).direction == .receiveOnly)
  }

  @Test func aSectionWithoutNameOrBundle() throws {
    let unnamed = try SessionOffer(parsing: Self.changed("a=mid:0\r\n", ""))
    #expect(unnamed.mid == nil && !unnamed.isBundled)
    let alone = try SessionOffer(parsing: Self.changed("a=group:BUNDLE 0\r\n", ""))
    #expect(alone.mid == "0" && !alone.isBundled)
  }

  @Test(arguments: [
    ("a=fmtp:63 111/111", "a=fmtp:63 111/111/111", 63 as UInt8?),
    ("a=fmtp:63 111/111", "a=fmtp:63 111/0", nil), ("a=fmtp:63 111/111", "a=fmtp:63 111", nil),
    ("a=fmtp:63 111/111\r\n", "", nil), ("red/48000/2", "red/8000", nil),
    ("red/48000/2", "RED/48000", 63), (" 63 9 0", " 9 0", nil),
  ])
  func redundancyIsTakenWhenItIsOpusOnly(old: String, new: String, red: UInt8?) throws {
    #expect(try SessionOffer(parsing: Self.changed(old, new)).redPayloadType == red)
  }

  @Test(arguments: [
    ("a=rtcp-fb:111 transport-cc", "a=rtcp-fb:* nack", ["nack"]),
    ("a=rtcp-fb:111 transport-cc", "a=rtcp-fb:111  NACK ", ["nack"]),
    ("a=rtcp-fb:111 transport-cc", "a=rtcp-fb:111 nack pli", ["nack pli"]),
    ("a=rtcp-fb:111 transport-cc", "a=rtcp-fb:63 nack", []),
    ("a=rtcp-fb:111 transport-cc", "a=rtcp-fb:111 nack\r\na=rtcp-fb:* nack", ["nack"]),
  ])
  func feedback(old: String, new: String, feedback: [String]) throws {
    #expect(try SessionOffer(parsing: Self.changed(old, new)).feedback == feedback)
  }

  @Test func theFirstUsableAudioSectionIsTaken() throws {
    let offer = try OfferFiles.text("gstreamer-audio-constructed")
    let section = try #require(offer.firstRange(of: "m=audio")).lowerBound
    let extra = String(offer[section...]).replacing("audio0", with: "audio1")
    for (first, index) in [
      (String(offer[section...]).replacing("recvonly", with: "sendonly"), 1),
      (String(offer[section...]).replacing("OPUS", with: "L16"), 1),
      (String(offer[section...]).replacing("m=audio 9", with: "m=audio 0"), 1),
      (String(offer[section...]), 0),
    ] {
      let both = offer[..<section] + first + extra
      #expect(try SessionOffer(parsing: String(both)).audioIndex == index)
    }
  }

  // MARK: Refusals

  @Test(arguments: [
    ("v=0\r\n", "v=1\r\n", SDPError.notSDP), ("v=0\r\n", "", .notSDP),
    ("v=0\r\n", "\r\nv=0\r\n", .notSDP), ("s=-\r\n", "hello\r\n", .malformed(line: 3)),
    ("s=-\r\n", "s=\u{1}\r\n", .malformed(line: 3)), ("s=-\r\n", "s=a\rb\r\n", .malformed(line: 3)),
    (
      "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126", "m=audio 9 UDP/TLS/RTP/SAVPF",
      .malformed(line: 8)
    ),
    ("m=audio", "m=video", .noAudio), ("m=audio 9", "m=audio 0", .noAudio),
    ("a=recvonly", "a=sendonly", .notReceiving(direction: "sendonly")),
    ("a=recvonly", "a=inactive", .notReceiving(direction: "inactive")),
    ("UDP/TLS/RTP/SAVPF", "RTP/AVP", .notSecure(transport: "RTP/AVP")),
    ("opus/48000/2", "opus/16000/2", .noOpus), ("opus/48000/2", "opus/48000/6", .noOpus),
    ("opus/48000/2", "L16/48000/2", .noOpus),
    ("a=rtpmap:111", "a=rtpmap:112", .noOpus), ("a=rtpmap:111", "a=rtpmap:367", .noOpus),
    ("a=rtcp-mux\r\n", "", .noMultiplexing), ("a=ice-ufrag:Na/q\r\n", "", .noCredentials),
    ("a=ice-ufrag:Na/q", "a=ice-ufrag:", .noCredentials),
    ("a=ice-ufrag:Na/q", "a=ice-ufrag:a:b", .noCredentials),
    ("a=ice-ufrag:Na/q", "a=ice-ufrag:ä", .noCredentials),
    ("a=fingerprint:", "a=finger:", .noFingerprint),
    ("sha-256 F2:", "sha-1 F2:", .weakFingerprint(hash: "sha-1")),
    ("sha-256 F2:", "md5 F2:", .weakFingerprint(hash: "md5")),
    ("sha-256 F2:", "sha-256 G2:", .noFingerprint), ("sha-256 F2:", "sha-256 ", .noFingerprint),
    ("sha-256 F2:", "sha-512 F2:", .noFingerprint),
    ("a=setup:actpass", "a=setup:passive", .passive(setup: "passive")),
    ("a=setup:actpass", "a=setup:x", .passive(setup: "x")),
    ("t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n", .lite),
  ])
  func whatCannotBeAnsweredIsRefused(old: String, new: String, error: SDPError) throws {
    let text = try Self.changed(old, new)
    #expect(throws: error) { try SessionOffer(parsing: text) }
  }

  @Test func everyRefusalIsASentenceAndAnAdvice() {
    let errors: [SDPError] = [
      .tooLong(bytes: 1), .lineTooLong(line: 1), .malformed(line: 1), .notSDP, .tooManySections,
      .noAudio, .notReceiving(direction: "inactive"), .notSecure(transport: "RTP/AVP"), .noOpus,
      .noMultiplexing, .noCredentials, .noFingerprint, .weakFingerprint(hash: "sha-1"),
      .passive(setup: "passive"), .lite,
    ]
    for error in errors {
      let sentences = "\(error)".split(separator: ". ")
      #expect(sentences.count == 2 && "\(error)".hasSuffix("."), "\(error)")
    }
  }

  @Test func sizesAreBounded() throws {
    let text = try OfferFiles.text("chromium-audio")
    let full =
      text + String(repeating: "a=x\r\n", count: (SessionOffer.longest - text.utf8.count) / 5)
    #expect(throws: Never.self) { try SessionOffer(parsing: full) }
    let tooLong = full + String(repeating: "a", count: 5)
    #expect(throws: SDPError.tooLong(bytes: tooLong.utf8.count)) {
      try SessionOffer(parsing: tooLong)
    }
    let line = "a=" + String(repeating: "x", count: 4095)
    #expect(throws: SDPError.lineTooLong(line: 2)) {
      try SessionOffer(parsing: "v=0\r\n\(line)\r\n")
    }
    let sections = String(repeating: "m=video 9 RTP/AVP 96\r\n", count: 65)
    #expect(throws: SDPError.tooManySections) { try SessionOffer(parsing: "v=0\r\n" + sections) }
    for empty in ["", "\n", "\r\n", "v=0", "v=0\n"] {
      #expect(throws: SDPError.self) { try SessionOffer(parsing: empty) }
    }
  }

  /// An offer that names as much as fits must not keep a server busy: its time grows with its length.
  @Test func anOfferMadeToBeSlowIsNot() {
    let mids = (0..<1000).map { String($0, radix: 36) }
    let head = "v=0\r\na=group:BUNDLE \(mids.joined(separator: " "))\r\n"
    let section = { (mid: String, lines: Int) in
      "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:\(mid)\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
        + String(repeating: "a=x\r\n", count: lines)
    }
    let sections = head + mids.prefix(64).map { section($0, 150) }.joined()
    let formats = String(repeating: " 63", count: 1300)
    let redundant =
      "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF\(formats)\r\na=rtpmap:63 red/48000/2\r\n"
      + String(repeating: "a=fmtp:62 1\r\na=rtpmap:62 x\r\n", count: 2000)
    for text in [sections, redundant] {
      #expect(text.utf8.count > 50_000 && text.utf8.count <= SessionOffer.longest)
      let clock = ContinuousClock()
      let time = clock.measure {
        #expect(throws: SDPError.self) { try SessionOffer(parsing: text) }
      }
      // Generous: a debug build on a busy machine takes well below a second.
      #expect(time < .seconds(10))
    }
  }

  @Test func truncationAtEveryByteIsAnOfferOrAnError() throws {
    let bytes = Array(try OfferFiles.text("chromium-audio-stereo-nack").utf8)
    var usable = 0
    for length in 0..<bytes.count {
      let text = String(decoding: bytes.prefix(length), as: UTF8.self)
      if let offer = try? SessionOffer(parsing: text) {
        usable += 1
        #expect(offer.userFragment == "f1tb")
      }
    }
    #expect(usable > 0)
  }
}

extension String {
  /// This string, or the other where this one does not care.
  fileprivate func fallback(to other: String) -> String { self == "@" ? other : self }
}
