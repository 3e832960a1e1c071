internal import AuraCrypto
internal import AuraStream

extension Target {
  /// STUN messages, their integrity, and our answers to them.
  static let stun = Target(
    name: "stun", executions: 60_000, longest: 600, run: tryMessage, seeds: stunSeeds)
}

private let key = Array("abcdefghijklmnopqrstuvwx".utf8)

private func parse(_ bytes: [UInt8]) -> STUNMessage? {
  try? unsafe STUNMessage(parsing: bytes.span.bytes)
}

private func isAuthentic(_ message: STUNMessage, in bytes: [UInt8]) -> Bool {
  unsafe message.hasValidIntegrity(
    in: bytes.span.bytes, key: key, authenticate: HMACSHA1.authenticate)
}

private func tryMessage(_ bytes: [UInt8]) {
  guard let message = parse(bytes) else { return }
  check(message.notUnderstood.count <= STUNMessage.mostAttributes, "attributes are bounded")
  check((message.username?.count ?? 0) <= STUNMessage.longestUsername, "a username is bounded")
  _ = isAuthentic(message, in: bytes)
  let written = message.bytes(key: key, authenticate: HMACSHA1.authenticate)
  guard let again = parse(written) else {
    check(false, "what is written can be read")
    return
  }
  check(isAuthentic(again, in: written), "what is written proves who wrote it")
  check(meaning(of: again) == meaning(of: message), "what is written means the same")
  if message.kind == .request { tryAnswers(to: message, requestByteCount: bytes.count) }
}

/// The parts that are written, the endpoint as the peer thinks of it.
private func meaning(of message: STUNMessage) -> STUNMessage {
  var copy = STUNMessage(
    kind: message.kind, method: message.method, transaction: message.transaction)
  copy.username = message.username
  copy.priority = message.priority
  copy.useCandidate = message.useCandidate
  copy.controlling = message.controlling
  copy.controlled = message.controlled
  copy.mappedAddress = message.mappedAddress.map {
    IPEndpoint(address: $0.address.unmapped, port: $0.port)
  }
  copy.errorCode = message.errorCode.map { .init(number: $0.number, reason: "") }
  copy.unknownAttributes = message.unknownAttributes
  return copy
}

private func tryAnswers(to request: STUNMessage, requestByteCount: Int) {
  guard let address = IPAddress("2001:db8::1") else { return }
  let answers = [
    STUNMessage.success(to: request, from: IPEndpoint(address: address, port: 1)),
    .failure(to: request, .unknownAttribute), .failure(to: request, .roleConflict),
  ]
  for answer in answers {
    let bytes = answer.bytes(key: key, authenticate: HMACSHA1.authenticate)
    // A request that is answered has a username and MESSAGE-INTEGRITY: 52 bytes at least.
    check(bytes.count <= 3 * max(requestByteCount, 52), "an answer is at most three times as long")
    let read = parse(bytes)
    check(read?.transaction == request.transaction, "an answer finds its question")
  }
}

private func stunSeeds() -> [[UInt8]] {
  var request = STUNMessage(kind: .request, transaction: STUNTransaction(high: 1, low: 2))
  request.username = Array("abcd:efgh".utf8)
  request.priority = 1_845_501_695
  request.controlling = 5
  request.useCandidate = true
  var refused = STUNMessage.failure(to: request, .unknownAttribute)
  refused.unknownAttributes = [0x7001, 0x7002, 0x7003]
  let addresses = ["192.0.2.1", "2001:db8::1"].compactMap { IPAddress($0) }
  let answers = addresses.map {
    STUNMessage.success(to: request, from: IPEndpoint(address: $0, port: 5_004))
  }
  return ([request, refused] + answers).flatMap { message in
    [
      message.bytes(key: key, authenticate: HMACSHA1.authenticate),
      // Without the checksum, which random changes would break.
      Array(message.bytes(key: nil, authenticate: HMACSHA1.authenticate).dropLast(8)),
    ]
  }.map(withRightLength)
}

private func withRightLength(_ message: [UInt8]) -> [UInt8] {
  var message = message
  message.set(UInt16(message.count - 20), at: 2)
  return message
}
