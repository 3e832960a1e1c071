import AuraStream
import Testing

struct SessionAnswerTests {
  static let fingerprint = CertificateFingerprint(hash: .sha256, bytes: Array(1...32))

  static func answer(_ offer: SessionOffer, name: String = "Living room") throws -> SessionAnswer {
    let addresses = try ["192.0.2.1", "2001:db8::1"].map { text in
      IPEndpoint(address: try #require(IPAddress(text)), port: 5555)
    }
    return SessionAnswer(
      to: offer, userFragment: "OURS", password: "ourpasswordourpassword",
      fingerprint: try #require(fingerprint), candidates: ICECandidate.hosts(addresses),
      ssrc: 3_735_928_559, cname: "auralync-1", broadcastName: name, sessionID: 77,
      packetTime: .milliseconds(10))
  }

  @Test func theAnswerToChromiumIsSpelledOut() throws {
    let offer = try SessionOffer(parsing: OfferFiles.text("chromium-audio-stereo-nack"))
    #expect(
      try Self.answer(offer).text.split(separator: "\r\n") == [
        "v=0", "o=- 77 1 IN IP4 0.0.0.0", "s=Living room", "t=0 0", "a=ice-lite",
        "a=group:BUNDLE 0", "m=audio 5555 UDP/TLS/RTP/SAVPF 111 63", "c=IN IP4 192.0.2.1",
        "a=mid:0", "a=sendonly", "a=rtcp-mux", "a=ice-ufrag:OURS",
        "a=ice-pwd:ourpasswordourpassword",
        "a=fingerprint:sha-256 01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:"
          + "18:19:1A:1B:1C:1D:1E:1F:20",
        "a=setup:passive", "a=candidate:1 1 udp 2130706431 192.0.2.1 5555 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::1 5555 typ host", "a=end-of-candidates",
        "a=rtcp-rsize", "a=rtcp-xr:rcvr-rtt=all", "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 stereo=1;sprop-stereo=1", "a=rtcp-fb:111 nack", "a=rtcp-fb:111 rrtr",
        "a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111", "a=ptime:10",
        "a=msid:auralync-1 auralync-1-audio", "a=ssrc:3735928559 cname:auralync-1",
      ])
  }

  @Test(arguments: OfferFiles.names)
  func everyAnswerKeepsToItsOffer(name: String) throws {
    let offer = try SessionOffer(parsing: OfferFiles.text(name))
    try Self.check(Self.answer(offer).text, to: offer)
  }

  /// What must hold of any answer: nothing that was not offered, a section for each, safe lines.
  static func check(_ text: String, to offer: SessionOffer) throws {
    #expect(text.hasSuffix("\r\n"))
    let lines = text.utf8.split(separator: UInt8(ascii: "\n")).map {
      String(decoding: $0.dropLast(), as: UTF8.self)
    }
    for line in lines {
      #expect(line.utf8.dropFirst().first == UInt8(ascii: "="), "\(line)")
      #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 || $0 == "\t" }, "\(line)")
    }
    let sections = lines.filter { $0.hasPrefix("m=") }
    #expect(sections.count == offer.sections.count)
    for (index, section) in sections.enumerated() {
      let words = section.dropFirst(2).split(separator: " ")
      #expect(words[0] == offer.sections[index].kind)
      let isKept = index == offer.audioIndex || !offer.sections[index].format.isEmpty
      #expect((words[1] != "0") == isKept)
      #expect(words[2] == offer.sections[index].transport)
      #expect(words[3...].allSatisfy { offer.sections[index].formats.contains(String($0)) })
    }
    #expect(lines.filter { $0.hasPrefix("a=candidate:") }.count == 2)
    let group = "a=group:BUNDLE \(offer.bundle.joined(separator: " "))"
    #expect(lines.contains(group) == offer.isBundled)
    #expect(offer.bundle.isEmpty || offer.bundle.contains(offer.mid ?? ""))
    #expect(lines.contains { $0.hasSuffix(" nack") } == offer.offersNACK)
    #expect(lines.contains { $0.contains("red/") } == (offer.redPayloadType != nil))
    #expect(lines.contains("a=rtcp-rsize") == offer.hasReducedSizeRTCP)
    #expect(
      lines.filter { $0.hasPrefix("a=mid:") }.count == offer.sections.filter { $0.mid != nil }.count
    )
    #expect(lines.filter { $0 == "a=sendonly" }.count == 1)
  }

  @Test func aSectionOfTheBundleIsKeptAndADataChannelRefused() throws {
    let offer = try SessionOffer(parsing: OfferFiles.text("chromium-video-audio-data"))
    #expect(offer.bundle == ["0", "1"])
    let lines = try Self.answer(offer).text.split(separator: "\r\n").map(String.init)
    let video = try #require(lines.firstIndex { $0.hasPrefix("m=video") })
    let audio = try #require(lines.firstIndex { $0.hasPrefix("m=audio") })
    #expect(lines.contains("a=group:BUNDLE 0 1"))
    #expect(lines[video] == "m=video 5555 UDP/TLS/RTP/SAVPF 96")
    #expect(lines[video..<audio].contains("a=inactive"))
    #expect(lines[video..<audio].contains("a=rtpmap:96 VP8/90000"))
    #expect(lines[video..<audio].contains("a=ice-ufrag:OURS"))
    #expect(lines[video..<audio].filter { $0.hasPrefix("a=candidate") }.count == 2)
    #expect(
      lines.suffix(4) == [
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:2",
        "a=inactive",
      ])
  }

  @Test func aSectionOutsideTheBundleIsRefused() throws {
    let text = try OfferFiles.text("firefox-video-audio-data")
      .replacing("BUNDLE 0 1 2", with: "BUNDLE 1 2")
    let offer = try SessionOffer(parsing: text)
    #expect(offer.bundle == ["1"])
    let answer = try Self.answer(offer).text
    #expect(
      answer.contains(
        "m=video 0 UDP/TLS/RTP/SAVPF 120\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\n"))
    try Self.check(answer, to: offer)
  }

  @Test(arguments: [
    ("Kitchen\r\na=x", "Kitchena=x"), ("", "-"), ("\u{0}\u{7}", "-"), ("Küche 🎵", "Küche 🎵"),
    ("\u{85}é", "é"), (String(repeating: "x", count: 300), String(repeating: "x", count: 200)),
  ])
  func aNameCannotBreakTheLines(name: String, line: String) throws {
    let offer = try SessionOffer(parsing: OfferFiles.text("aiortc-audio"))
    let text = try Self.answer(offer, name: name).text
    #expect(text.split(separator: "\r\n")[2] == "s=\(line)")
    try Self.check(text, to: offer)
  }

  @Test func redundancyCanBeDeclined() throws {
    let offer = try SessionOffer(parsing: OfferFiles.text("chromium-audio"))
    var answer = try Self.answer(offer)
    answer.acceptsRED = false
    answer.packetTime = nil
    #expect(answer.text.contains("m=audio 5555 UDP/TLS/RTP/SAVPF 111\r\n"))
    #expect(!answer.text.contains("red/") && !answer.text.contains("ptime"))
  }

  @Test func candidatesAreWrittenAsAPeerCanUseThem() throws {
    let offer = try SessionOffer(parsing: OfferFiles.text("aiortc-audio"))
    var answer = try Self.answer(offer)
    let endpoints = try ["fe80::1%eth0", "::ffff:192.0.2.7"].map {
      IPEndpoint(address: try #require(IPAddress($0)), port: 7)
    }
    answer.candidates = ICECandidate.hosts(endpoints)
    #expect(answer.text.contains("m=audio 7 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP6 fe80::1\r\n"))
    #expect(answer.text.contains("a=candidate:2 1 udp 2130706175 192.0.2.7 7 typ host\r\n"))
    answer.candidates = []
    #expect(answer.text.contains("m=audio 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n"))
  }

  /// Whatever is offered, it is refused with an error or answered with safe lines.
  @Test(arguments: [UInt64](1...20))
  func anythingAtAllIsSurvived(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let offers = try OfferFiles.names.map { try OfferFiles.text($0) }
    for _ in 0..<40 {
      var lines = (offers.randomElement(using: &random) ?? "").components("\r\n")
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        let other = (offers.randomElement(using: &random) ?? "").components("\r\n")
        let place = Int.random(in: 0..<lines.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: lines.remove(at: place)
        case 1: lines.insert(other.randomElement(using: &random) ?? "", at: place)
        case 2: lines.swapAt(place, Int.random(in: 0..<lines.count, using: &random))
        default:
          let bytes = random.mutated(Array(lines[place].utf8))
          lines[place] = String(decoding: bytes, as: UTF8.self)
        }
        if lines.isEmpty { break }
      }
      let text = lines.joined(separator: "\r\n")
      guard let offer = try? SessionOffer(parsing: text) else { continue }
      try Self.check(Self.answer(offer).text, to: offer)
    }
  }
}

extension String {
  /// The lines of a text.
  fileprivate func components(_ separator: String) -> [String] {
    split(separator: separator, omittingEmptySubsequences: false).map(String.init)
  }
}
