internal import AuraStream

extension Target {
  /// Answers of other servers to our own offer.
  static let playerAnswer = Target(
    name: "answer", executions: 2_000, longest: 4_096, vectors: "sdp",
    run: { tryAnswer(String(decoding: $0, as: UTF8.self)) },
    seeds: {
      [
        answer(), answer(setup: "active"), answer(candidate: "2 1 TCP 1 ::1 9 typ host"),
        answer(candidate: "1 1 udp 2130706431 [::1] 5555 typ host"), answer(candidate: ""),
      ].map { Array($0.utf8) }
    })
}

private func answer(
  setup: String = "passive", candidate: String = "1 1 UDP 2130706431 192.0.2.1 5555 typ host"
) -> String {
  let hash = Array(repeating: "AB", count: 32).joined(separator: ":")
  return """
    v=0
    a=ice-lite
    a=group:BUNDLE 0
    m=audio 9 UDP/TLS/RTP/SAVPF 111 63
    a=mid:0
    a=rtcp-mux
    a=sendonly
    a=ice-ufrag:efgh
    a=ice-pwd:abcdefghijklmnopqrstuv
    a=fingerprint:sha-256 \(hash)
    a=setup:\(setup)
    a=rtpmap:111 opus/48000/2
    a=fmtp:111 stereo=1
    a=rtpmap:63 red/48000/2
    a=rtcp-fb:111 nack
    a=ptime:10
    a=ssrc:7 cname:x
    a=candidate:\(candidate)

    """
}

private func tryAnswer(_ text: String) {
  do throws(PlayerAnswerError) {
    let answer = try PlayerAnswer(parsing: text)
    check(!answer.fingerprints.isEmpty, "a server can be told by its hash")
    check(answer.candidates.count <= 32, "candidates are bounded")
    check(answer.payloadType < 128, "a payload type has seven bits")
    check(answer.redPayloadType != answer.payloadType, "RED and Opus have numbers of their own")
    check(answer.packetTime.map { $0 > .zero } ?? true, "a packet lasts some time")
    for token in [answer.userFragment, answer.password] {
      check(
        (1...256).contains(token.utf8.count)
          && token.utf8.allSatisfy { (0x21...0x7e).contains($0) },
        "fragment and password are visible ASCII")
    }
  } catch {
    let sentence = error.description.utf8
    check((10...5_000).contains(sentence.count), "an error's sentence has a sensible length")
    check(sentence.allSatisfy { $0 >= 0x20 || $0 == 0x09 }, "an error's sentence is one line")
  }
}
