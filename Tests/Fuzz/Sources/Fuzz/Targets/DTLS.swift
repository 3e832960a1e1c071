internal import AuraCrypto
internal import AuraStream

extension Target {
  /// A DTLS server, or a client, fed with anything.
  static let dtls = Target(
    name: "dtls", executions: 8_000, longest: 1_400, run: tryServer,
    seeds: {
      let client = DTLSPeer()
      client.receive(nil)
      let hello = client.takeRecords().flatMap { record in lengthPrefixed(record) }
      return [
        hello, [0xff, 0xff] + hello, hello + hello + [0xff, 0xff],
        lengthPrefixed([20, 0xfe, 0xfd, 0, 1]),
        lengthPrefixed([21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40]),
        hello + [0x80, 200, 0x81, 200, 0xff, 0xff],
      ]
    })

  /// A handshake with a real client whose datagrams get lost, doubled, changed.
  static let handshake = Target(
    name: "handshake", executions: 500, longest: 60, run: tryHandshake,
    seeds: {
      [
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0, 2, 0, 0, 4, 0, 2, 0, 0, 0],
        [0, 1, 3, 20, 7, 0, 0, 0, 4, 0], [1, 0, 0, 0, 5, 22, 0, 0, 0, 0, 0, 0, 6, 0],
      ]
    })
}

private func lengthPrefixed(_ datagram: [UInt8]) -> [UInt8] {
  [UInt8(datagram.count >> 8), UInt8(datagram.count & 0xff)] + datagram
}

private let identity: DTLSIdentity = {
  guard let identity = try? DTLSIdentity() else { fatalError("no identity could be made") }
  return identity
}()

private let start = HostTime(nanoseconds: 1_000_000_000)

/// Takes what the server has to send after one call, and checks how much that is.
private func drain(_ server: inout DTLSHandshake) -> [[UInt8]] {
  var datagrams: [[UInt8]] = []
  while let datagram = server.nextDatagram() { datagrams.append(datagram) }
  check(datagrams.count <= 32, "one datagram has few answers")
  check(
    datagrams.allSatisfy { (1...DTLSHandshake.largestDatagram).contains($0.count) },
    "no datagram is empty or long")
  return datagrams
}

/// The longest length makes it a client. Then two bytes of length and a datagram, again and again; a
/// length with its highest bit set is milliseconds.
private func tryServer(_ bytes: [UInt8]) {
  var program = ByteProgram(bytes)
  var now = start
  let isClient = bytes.starts(with: [0xff, 0xff])
  guard let fingerprint = CertificateFingerprint(hash: .sha256, bytes: Array(0..<32)),
    var server = try? DTLSHandshake(
      isClient ? .client : .server, identity: identity, peerFingerprint: fingerprint, now: now)
  else { return }
  while !program.isAtEnd {
    let length = Int(program.uint16())
    if length & 0x8000 != 0 {
      now = now + .milliseconds(Int64(length & 0x7fff))
      server.timeout(now: now)
      check(server.deadline.map { $0 > now } ?? true, "time does not stand still at a deadline")
    } else {
      let datagram = program.bytes(length & 0x7ff)
      unsafe server.receive(datagram.span.bytes, now: now)
    }
    _ = drain(&server)
    if case .established = server.state { check(false, "nobody gets in without the certificate") }
    if server.state != .handshaking { check(server.deadline == nil, "the end waits for nothing") }
  }
  server.close()
  _ = drain(&server)
}

/// The first byte's lowest bit: whether the server expects this client. Then an instruction for
/// each datagram that is under way, the oldest first.
private func tryHandshake(_ bytes: [UInt8]) {
  var program = ByteProgram(bytes)
  let isExpected = program.byte() & 1 == 0
  let client = DTLSPeer()
  var fingerprint = client.fingerprint
  if !isExpected { fingerprint[0] ^= 1 }
  var now = start
  guard let expected = CertificateFingerprint(hash: .sha256, bytes: fingerprint),
    var server = try? DTLSHandshake(identity: identity, peerFingerprint: expected, now: now)
  else { return }
  client.receive(nil)
  var toServer = client.takeRecords()
  var toClient: [[UInt8]] = []
  for _ in 0..<40 {
    let isForServer = !toServer.isEmpty
    guard let datagram = toServer.popFirst() ?? toClient.popFirst() else { break }
    for arriving in arrivals(of: datagram, &program) {
      if isForServer {
        unsafe server.receive(arriving.span.bytes, now: now)
        toClient += drain(&server)
      } else {
        client.receive(arriving)
        toServer += client.takeRecords()
      }
    }
    if program.byte() & 7 == 4, let due = server.deadline {
      now = max(now, due)
      server.timeout(now: now)
      toClient += drain(&server)
    }
    if case .established(let keys) = server.state {
      check(isExpected, "nobody gets in with another certificate")
      check(!client.isEstablished || keys == client.keys?.seenByPeer, "both have the same keys")
    }
  }
  server.close()
  _ = drain(&server)
}

/// What becomes of a datagram: mostly it arrives.
private func arrivals(of datagram: [UInt8], _ program: inout ByteProgram) -> [[UInt8]] {
  switch program.byte() & 7 {
  case 1: return []
  case 2: return [datagram, datagram]
  case 3:
    var changed = datagram
    changed[Int(program.byte()) * 5 % changed.count] ^= program.byte()
    return [changed]
  case 5: return [program.bytes(8), datagram]
  case 6: return [Array(datagram.dropLast(Int(program.byte()))), datagram]
  default: return [datagram]
  }
}

extension [[UInt8]] {
  fileprivate mutating func popFirst() -> [UInt8]? { isEmpty ? nil : removeFirst() }
}
