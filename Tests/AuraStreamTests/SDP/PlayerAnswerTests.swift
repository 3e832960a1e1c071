import AuraStream
import Testing

struct PlayerAnswerTests {
  static func offer(_ addresses: [String] = ["192.0.2.9", "2001:db8::9"]) throws -> PlayerOffer {
    let endpoints = try addresses.map {
      IPEndpoint(address: try #require(IPAddress($0)), port: 40_000)
    }
    return PlayerOffer(
      userFragment: "MINE", password: "minepasswordminepassword",
      fingerprint: try #require(SessionAnswerTests.fingerprint),
      candidates: ICECandidate.hosts(endpoints), sessionID: 7)
  }

  // MARK: Our own two sides

  @Test func ourOfferIsReadByOurServer() throws {
    let offer = try SessionOffer(parsing: Self.offer().text)
    #expect(offer.sections.count == 1 && offer.mid == "0" && offer.bundle == ["0"])
    #expect(offer.userFragment == "MINE" && offer.password == "minepasswordminepassword")
    #expect(offer.fingerprint == SessionAnswerTests.fingerprint)
    #expect(offer.setup == .actpass && offer.direction == .receiveOnly)
    #expect(offer.opusPayloadType == 111 && offer.redPayloadType == 63)
    #expect(offer.feedback == ["nack", "rrtr"] && offer.wantsStereo)
    #expect(offer.hasReducedSizeRTCP && offer.offersReceiverReferenceTime)
  }

  @Test func ourAnswerIsReadByOurPlayer() throws {
    let offer = try SessionOffer(parsing: Self.offer().text)
    let answer = try PlayerAnswer(parsing: SessionAnswerTests.answer(offer).text)
    #expect(answer.userFragment == "OURS" && answer.password == "ourpasswordourpassword")
    #expect(answer.fingerprints == [SessionAnswerTests.fingerprint])
    #expect(answer.isLite && !answer.beginsHandshake)
    #expect(answer.candidates.map { "\($0.endpoint)" } == ["192.0.2.1:5555", "[2001:db8::1]:5555"])
    #expect(answer.payloadType == 111 && answer.redPayloadType == 63)
    #expect(answer.opusParameters["stereo"] == "1")
    #expect(answer.packetTime == .milliseconds(10) && answer.ssrc == 3_735_928_559)
    #expect(answer.answersNACK && answer.echoesReferenceTime && answer.hasReducedSizeRTCP)
  }

  @Test func redundancyIsOfferedOnlyWhereItIsWanted() throws {
    var offer = try Self.offer()
    offer.wantsRED = false
    offer.packetTime = .milliseconds(5)
    #expect(try SessionOffer(parsing: offer.text).redPayloadType == nil)
    #expect(!offer.text.contains("63") && offer.text.contains("a=ptime:5\r\n"))
  }

  @Test func uncompressedSoundIsAgreedOnWhereItIsPreferred() throws {
    var mine = try Self.offer()
    mine.wantsLinear = true
    let text = mine.text
    #expect(text.contains("SAVPF 96 97 111 63\r\n"))
    let offer = try SessionOffer(parsing: text)
    #expect(offer.linear == LinearFormat(coding: .l24, payloadType: 96))
    #expect(offer.offersNACK)
    var ours = try SessionAnswerTests.answer(offer)
    ours.packetTime = LinearAudio.l24.packetDuration
    #expect(ours.text.contains("SAVPF 96\r\n") && !ours.text.contains("opus"))
    let answer = try PlayerAnswer(parsing: ours.text)
    #expect(answer.linear == .l24 && answer.payloadType == 96 && answer.redPayloadType == nil)
    #expect(answer.answersNACK && answer.echoesReferenceTime)
    #expect(answer.packetTime == .milliseconds(4))
  }

  /// What is done to the m= line's formats or to an rtpmap, and what is agreed on then.
  @Test(arguments: [
    ("96 97 111 63", "97 111 63", LinearAudio.l16, 97),
    // Behind Opus it is only a second choice.
    ("96 97 111 63", "111 96 97 63", nil, 111),
    ("96 97 111 63", "97 111 63 96", .l16, 97),
    ("L24/48000/2", "L24/44100/2", .l16, 97),
    // Without channels it is mono.
    ("L24/48000/2", "L24/48000", .l16, 97),
    ("L24/48000/2", "l24/48000/2", .l24, 96),
  ])
  func theOfferersOrderCounts(old: String, new: String, coding: LinearAudio?, type: UInt8) throws {
    var mine = try Self.offer()
    mine.wantsLinear = true
    let offer = try SessionOffer(parsing: mine.text.replacing(old, with: new))
    #expect(offer.linear?.coding == coding)
    let answer = try PlayerAnswer(parsing: SessionAnswerTests.answer(offer).text)
    #expect(answer.linear == coding && answer.payloadType == type)
    #expect((answer.redPayloadType == nil) == (coding != nil))
  }

  @Test func anOfferNeedsNoCandidate() throws {
    let text = try Self.offer([]).text
    #expect(text.contains("m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 0.0.0.0\r\n"))
    #expect(throws: Never.self) { try SessionOffer(parsing: text) }
  }

  // MARK: Other servers

  /// What the tests know of an answer.
  struct Expected: Sendable {
    var file: String
    var fragment: String
    var isLite = false
    var beginsHandshake = true
    var candidates: [String]
    var answersNACK = false
    var ssrc: UInt32
  }

  static let expected: [Expected] = [
    Expected(
      file: "aiortc-audio-constructed", fragment: "tJ8e",
      candidates: ["192.0.2.40:45012", "203.0.113.9:45012"], ssrc: 1_549_226_137),
    Expected(
      file: "cloudflare-video-audio-constructed", fragment: "2e9dd6ab4f2b3a3b", isLite: true,
      beginsHandshake: false, candidates: ["198.51.100.49:1473", "[2001:db8:4::49]:1473"],
      ssrc: 1_183_736_523),
    Expected(
      file: "gstreamer-whepserver-audio-constructed", fragment: "0yYtcBoJm/iC9AQM4MlUBgbRVHkz4vGW",
      candidates: ["192.0.2.30:49152"], answersNACK: true, ssrc: 2_406_226_571),
    Expected(
      file: "janus-audio-constructed", fragment: "pB1q",
      candidates: ["192.0.2.20:20182", "198.51.100.7:20182"], ssrc: 1_906_421_871),
    Expected(
      file: "mediamtx-audio-constructed", fragment: "kQnVbvYdOcSLvTqA",
      candidates: ["192.0.2.10:8189", "[2001:db8::10]:8189"], answersNACK: true,
      ssrc: 3_054_275_863),
  ]

  @Test func everyFileIsExpected() {
    #expect(AnswerFiles.names == Self.expected.map(\.file))
  }

  @Test(arguments: expected)
  func anAnswerIsRead(expected: Expected) throws {
    let text = try AnswerFiles.text(expected.file)
    let answer = try PlayerAnswer(parsing: text)
    #expect(answer.userFragment == expected.fragment)
    #expect(text.contains("a=ice-pwd:\(answer.password)\r\n"))
    for fingerprint in answer.fingerprints {
      #expect(text.contains("a=fingerprint:\(fingerprint)"))
    }
    #expect(answer.isLite == expected.isLite)
    #expect(answer.beginsHandshake == expected.beginsHandshake)
    #expect(answer.candidates.map { "\($0.endpoint)" } == expected.candidates)
    #expect(answer.payloadType == 111 && answer.redPayloadType == nil)
    #expect(answer.answersNACK == expected.answersNACK)
    #expect(answer.ssrc == expected.ssrc)
    #expect(try PlayerAnswer(parsing: text.replacing("\r\n", with: "\n")) == answer)
  }

  // MARK: Refusals

  static func changed(_ old: String, _ new: String) throws -> String {
    let text = try AnswerFiles.text("mediamtx-audio-constructed")
    let changed = text.replacing(old, with: new)
    try #require(changed != text, "\(old) is not in the answer")
    return changed
  }

  @Test(arguments: [
    ("v=0\r\n", "<html>\r\n", PlayerAnswerError.notSDP), ("s=-\r\n", "s\r\n", .malformed(line: 3)),
    ("m=audio 9", "m=audio 0", .noAudio), ("m=audio", "m=video", .noAudio),
    ("a=sendonly", "a=inactive", .notSending(direction: "inactive")),
    ("a=sendonly", "a=recvonly", .notSending(direction: "recvonly")),
    ("UDP/TLS/RTP/SAVPF", "RTP/AVP", .notSecure(transport: "RTP/AVP")),
    ("opus/48000/2", "PCMU/8000", .noOpus), ("a=rtcp-mux\r\n", "", .noMultiplexing),
    ("a=ice-pwd", "a=ice-pwt", .noCredentials), ("a=fingerprint", "a=print", .noFingerprint),
    ("sha-256", "sha-1", .weakFingerprint(hash: "sha-1")),
    ("a=setup:active", "a=setup:actpass", .undecided(setup: "actpass")),
    ("a=candidate", "a=candidates", .noCandidates), (" 1 udp ", " 1 tls ", .noCandidates),
  ])
  func whatIsOfNoUseIsRefused(old: String, new: String, error: PlayerAnswerError) throws {
    let text = try Self.changed(old, new)
    #expect(throws: error) { try PlayerAnswer(parsing: text) }
  }

  @Test func everyRefusalIsASentenceAndAnAdvice() {
    let errors: [PlayerAnswerError] = [
      .tooLong(bytes: 1), .malformed(line: 1), .notSDP, .tooManySections, .noAudio,
      .notSending(direction: "inactive"), .notSecure(transport: "RTP/AVP"), .noOpus,
      .noMultiplexing, .noCredentials, .noFingerprint, .weakFingerprint(hash: "sha-1"),
      .undecided(setup: "x"), .noCandidates,
    ]
    for error in errors {
      let text = "\(error)"
      #expect(text.contains(". ") && (text.hasSuffix(".") || text.hasSuffix("?")), "\(text)")
    }
  }

  @Test(arguments: [
    ("192.0.2.10 8189 typ host", "192.0.2.10 0 typ host"), ("192.0.2.10", "0.0.0.0"),
    ("192.0.2.10", "224.0.0.1"), ("192.0.2.10", "host.local"),
    ("192.0.2.10 8189 typ", "192.0.2.10 70000 typ"),
    ("1 udp 2130706431 192", "1 udp 99999999999 192"),
    ("192.0.2.10 8189 typ host", "192.0.2.10 8189"),
  ])
  func aCandidateThatLeadsNowhereIsLeftOut(old: String, new: String) throws {
    let answer = try PlayerAnswer(parsing: Self.changed(old, new))
    #expect(answer.candidates.map { "\($0.endpoint)" } == ["[2001:db8::10]:8189"])
  }

  @Test func sizesAreBounded() throws {
    let candidate = "a=candidate:1 1 udp 1 192.0.2.10"
    let many = (1...500).map { "\(candidate) \($0) typ host\r\n" }.joined()
    let text = try AnswerFiles.text("mediamtx-audio-constructed")
    #expect(try PlayerAnswer(parsing: text + many).candidates.count == PlayerAnswer.mostCandidates)
    let long = text + String(repeating: "a=x\r\n", count: SessionOffer.longest / 5)
    #expect(throws: PlayerAnswerError.tooLong(bytes: long.utf8.count)) {
      try PlayerAnswer(parsing: long)
    }
  }

  @Test(arguments: ["x", "0", "-1", "nan", "1e9", "250"])
  func anOddPacketTimeIsNotBelieved(ptime: String) throws {
    let text = try Self.changed("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=ptime:\(ptime)\r\n")
    #expect(try PlayerAnswer(parsing: text).packetTime == nil)
  }

  /// Whatever is answered, it is refused with an error or read.
  @Test(arguments: [UInt64](1...10))
  func anythingAtAllIsSurvived(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for name in AnswerFiles.names {
      let bytes = Array(try AnswerFiles.text(name).utf8)
      for _ in 0..<40 {
        let text = String(decoding: random.mutated(bytes), as: UTF8.self)
        guard let answer = try? PlayerAnswer(parsing: text) else { continue }
        #expect(!answer.candidates.isEmpty && !answer.fingerprints.isEmpty, "seed \(seed)")
      }
    }
  }
}
