internal import AuraStream

extension Target {
  /// Where to join, and what another's WHEP server answers: four lines (URL, status, Location, Retry-After)
  /// and a body.
  static let joining = Target(
    name: "joining", executions: 30_000, longest: 400,
    run: { tryJoining(String(decoding: $0, as: UTF8.self)) },
    seeds: {
      [
        "http://a:8080/whep/main?x\n201\n/whep/main/1\n\nv=0\n",
        "http://[::1]/a/b\n201\nc?d=e://f#g\n\n",
        "http://a\n307\nhttp://b:9/x\n\n", "http://a\n307\n//b/x\n\n", "HTTP://a.?q\n201\n?r\n\n",
        "http://a/\n503\n\n7\nNo room.\nTry \u{1b}[31mlater\u{9b}.", "http://a/\n404\n\n\n<html>",
      ].map { Array($0.utf8) }
    })
}

private func tryJoining(_ text: String) {
  let lines = text.split(
    separator: "\n" as Character, maxSplits: 4, omittingEmptySubsequences: false
  ).map(String.init)
  guard let first = lines.first, let address = WHEPAddress(first) else { return }
  judge(address)
  guard lines.count == 5 else { return }
  let reply = WHEPReply(
    status: Int(lines[1]) ?? 0, location: lines[2], retryAfter: lines[3], body: lines[4])
  do throws(WHEPClientError) {
    switch try reply.meaning(from: address) {
    case .accepted(let session): if let session { judge(session) }
    case .elsewhere(let next): judge(next)
    }
  } catch {
    judge(error, status: reply.status)
  }
}

/// What is connected to and asked for.
private func judge(_ address: WHEPAddress) {
  check((1...65_535).contains(address.port), "a port can be connected to")
  check(!address.host.isEmpty, "a server has a name")
  check(
    address.path.hasPrefix("/")
      && address.path.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "#") },
    "a path can stand in a request")
  check(WHEPAddress(address.description) == address, "an address that is written can be read")
}

private func judge(_ error: WHEPClientError, status: Int) {
  switch error {
  case .later(let told, let seconds, _):
    check(told == status && (1...3_600).contains(seconds), "a wait is bounded")
  case .refused(let told, _): check(told == status, "a refusal has the server's status")
  case .redirected: check((300..<400).contains(status), "only who is sent away goes")
  case .unreachable, .unknownName, .notHTTP, .untrusted:
    check(false, "an answer is an answer")
  }
  let sentence = error.description
  check(sentence.count < 1_000, "a sentence is short")
  check(
    sentence.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) },
    "a sentence cannot steer a terminal")
}
