internal import AuraStream

extension Target {
  /// Offers, and the answers to those that are accepted.
  static let sessionDescription = Target(
    name: "sdp", executions: 2_000, longest: 4_096, vectors: "sdp",
    run: { tryOffer(String(decoding: $0, as: UTF8.self)) },
    seeds: { offers })
}

/// Short offers, since a change of one byte tells more in them: good ones, and such that one check
/// alone keeps out.
private let offers: [[UInt8]] = [
  offer(), offer(mid: "a b"), offer(mid: "0\rx"), offer(format: "a=1\rb"), offer(mid: "0\u{7f}"),
  offer(fragment: String(repeating: "f", count: 257)), offer(fragment: "a\rb"),
].map { Array($0.utf8) }

private func offer(
  mid: String = "0", format: String = "a=1", fragment: String = "efgh"
) -> String {
  let hash = Array(repeating: "AB", count: 32).joined(separator: ":")
  return """
    v=0
    a=group:BUNDLE \(mid) 1
    m=audio 9 UDP/TLS/RTP/SAVPF 111 63
    a=mid:\(mid)
    a=rtcp-mux
    a=recvonly
    a=ice-ufrag:\(fragment)
    a=ice-pwd:abcdefghijklmnopqrstuv
    a=fingerprint:sha-256 \(hash)
    a=setup:actpass
    a=rtpmap:111 opus/48000/2
    a=rtpmap:63 red/48000/2
    a=fmtp:63 111/111
    a=rtcp-fb:111 nack
    a=extmap:3 urn:x
    m=video 9 UDP/TLS/RTP/SAVPF 96
    a=mid:1
    a=rtcp-mux
    a=rtpmap:96 VP8/90000
    a=fmtp:96 \(format)
    m=application 9 UDP/DTLS/SCTP webrtc-datachannel

    """
}

private func tryOffer(_ text: String) {
  do throws(SDPError) {
    let offer = try SessionOffer(parsing: text)
    checkOffer(offer)
    checkAnswer(to: offer, offerByteCount: text.utf8.count)
  } catch {
    let sentence = error.description.utf8
    check((10...5_000).contains(sentence.count), "an error's sentence has a sensible length")
    check(
      sentence.allSatisfy { $0 >= 0x20 || $0 == 0x09 }, "an error's sentence is one line of text")
  }
}

private func checkOffer(_ offer: SessionOffer) {
  check(offer.sections.indices.contains(offer.audioIndex), "the audio is one of the sections")
  check(offer.sections.count <= 64, "there are at most 64 sections")
  check(!offer.fingerprints.isEmpty && offer.fingerprint != nil, "a peer can be told by its hash")
  check(offer.opusPayloadType < 128, "a payload type has seven bits")
  check((offer.redPayloadType ?? 0) < 128, "a payload type has seven bits")
  check(offer.redPayloadType != offer.opusPayloadType, "RED and Opus have numbers of their own")
  check((offer.linear?.payloadType ?? 0) < 128, "a payload type has seven bits")
  check(offer.linear?.payloadType != offer.opusPayloadType, "every format has its own number")
  check(offer.feedback.count <= 16 && offer.headerExtensions.count <= 64, "lists are bounded")
  check(
    offer.bundle.isEmpty || offer.mid.map(offer.bundle.contains) == true,
    "a bundle that counts has the audio in it")
  for token in [offer.userFragment, offer.password] {
    check(
      (1...256).contains(token.utf8.count) && token.utf8.allSatisfy { (0x21...0x7e).contains($0) },
      "fragment and password are visible ASCII")
  }
}

private func checkAnswer(to offer: SessionOffer, offerByteCount: Int) {
  let text = answer(to: offer).text
  let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
  check(lines.last == "", "an answer ends with a line's end")
  for line in lines.dropLast() {
    check(
      line.utf8.count > 2 && line.utf8.dropFirst().first == UInt8(ascii: "="),
      "a line is a letter, = and a value")
    check(
      line.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }, "a line has no other breaks")
  }
  let media = lines.filter { $0.hasPrefix("m=") }
  check(media.count == offer.sections.count, "every section is answered")
  check(
    media.dropFirst(offer.audioIndex).first?.hasPrefix("m=audio 5004 ") == true,
    "the audio is accepted where it was offered")
  check(text.utf8.count <= 4 * offerByteCount + 64 * 600, "an answer is not much longer")
  check(text.utf8.count > SessionOffer.longest || isWellFormed(text), "an answer is read as SDP")
}

private func answer(to offer: SessionOffer) -> SessionAnswer {
  let endpoints = ["192.0.2.1", "2001:db8::1"].compactMap { text in
    IPAddress(text).map { IPEndpoint(address: $0, port: 5_004) }
  }
  guard
    let fingerprint = CertificateFingerprint(
      hash: .sha256, bytes: [UInt8](repeating: 0xab, count: 32))
  else { fatalError("a fingerprint of 32 bytes") }
  return SessionAnswer(
    to: offer, userFragment: "abcd", password: "abcdefghijklmnopqrstuvwx",
    fingerprint: fingerprint, candidates: ICECandidate.hosts(endpoints), ssrc: 1, cname: "aura",
    broadcastName: "a film", sessionID: 7, packetTime: .milliseconds(10))
}

/// Our own parser gets so far as to see that an answer offers nothing to hear.
private func isWellFormed(_ answer: String) -> Bool {
  do throws(SDPError) {
    _ = try SessionOffer(parsing: answer)
    return false
  } catch {
    if case .notReceiving = error { return true }
    // A line of the offer with a word or two in front.
    if case .lineTooLong = error { return true }
    return false
  }
}
