import AuraCrypto
import AuraStream
import Testing

private let listener = Result { try DTLSIdentity() }
private let server = Result { try DTLSIdentity() }
private let begin = HostTime(nanoseconds: 0)

/// Both of our sides.
private struct Pair: ~Copyable {
  var client: DTLSHandshake
  var server: DTLSHandshake
  var now = begin

  /// - Parameter expected: whose certificate the client expects; nil for the right one.
  /// - Throws: when OpenSSL has no memory.
  init(expecting expected: CertificateFingerprint? = nil) throws {
    let (us, them) = try (listener.get(), AuraCryptoTests.server.get())
    let client = try DTLSHandshake(
      .client, identity: us, peerFingerprint: expected ?? them.fingerprint, now: begin)
    let server = try DTLSHandshake(
      .server, identity: them, peerFingerprint: us.fingerprint, now: begin)
    self.client = client
    self.server = server
  }

  /// Carries everything over a perfect wire until nothing is left.
  mutating func shakeHands() {
    var isMoving = true
    while isMoving {
      isMoving = false
      while let datagram = client.nextDatagram() {
        unsafe server.receive(datagram.span.bytes, now: now)
        isMoving = true
      }
      while let datagram = server.nextDatagram() {
        unsafe client.receive(datagram.span.bytes, now: now)
        isMoving = true
      }
    }
  }

  func keys() throws -> (client: SRTPKeys, server: SRTPKeys) {
    guard case .established(let ours) = client.state, case .established(let theirs) = server.state
    else { throw NoKeys(client: client.state, server: server.state) }
    return (ours, theirs)
  }
}

private struct NoKeys: Error { let client, server: DTLSHandshake.State }

private func drain(_ handshake: inout DTLSHandshake) -> [[UInt8]] {
  var datagrams: [[UInt8]] = []
  while let datagram = handshake.nextDatagram() {
    #expect(datagram.count <= DTLSHandshake.largestDatagram)
    datagrams.append(datagram)
  }
  return datagrams
}

/// The client's role: what a listener does.
@Suite struct DTLSClientRoleTests {
  @Test func bothSidesHaveTheKeysOfTheRightDirection() throws {
    var pair = try Pair()
    pair.shakeHands()
    let (ours, theirs) = try pair.keys()
    #expect(ours == theirs.seenByPeer && ours.profile == .aeadAES128GCM)
    #expect(pair.client.deadline == nil && pair.server.deadline == nil)
    // Media comes down, feedback goes up.
    var sender = try SRTPSender(keys: theirs, ssrc: testSource)
    var receiver = try SRTPReceiver(keys: ours)
    #expect(try unprotect(&receiver, protect(&sender, rtp(1))) == rtp(1))
    var feedback = try SRTCPSender(keys: ours)
    var listening = try SRTCPReceiver(keys: theirs)
    let report = [0x80, 201, 0, 1, 0, 0, 0, 7] as [UInt8]
    let sealed = try unsafe inPlace(report, room: feedback.overhead) { buffer throws(SRTPError) in
      try unsafe feedback.protect(buffer, length: report.count)
    }
    let opened = try unsafe inPlace(sealed) { buffer throws(SRTPError) in
      try unsafe listening.unprotect(buffer)
    }
    #expect(opened == report)
  }

  @Test func anotherServerIsRefused() throws {
    var pair = try Pair(expecting: DTLSIdentity().fingerprint)
    pair.shakeHands()
    guard case .failed(let reason) = pair.client.state else {
      Issue.record("\(pair.client.state)")
      return
    }
    #expect(reason.contains("server's certificate is not the one"))
    // It was told, and nothing hangs.
    guard case .failed = pair.server.state else {
      Issue.record("\(pair.server.state)")
      return
    }
  }

  @Test func theLastFlightOfTheServerMayBeLost() throws {
    var pair = try Pair()
    for datagram in drain(&pair.client) {
      unsafe pair.server.receive(datagram.span.bytes, now: begin)
    }
    for datagram in drain(&pair.server) {
      unsafe pair.client.receive(datagram.span.bytes, now: begin)
    }
    for datagram in drain(&pair.client) {
      unsafe pair.server.receive(datagram.span.bytes, now: begin)
    }
    #expect(!drain(&pair.server).isEmpty)  // Lost.
    #expect(pair.client.state == .handshaking)
    let deadline = pair.client.deadline
    pair.now = try #require(deadline)
    pair.client.timeout(now: pair.now)
    pair.shakeHands()
    let (ours, theirs) = try pair.keys()
    #expect(ours == theirs.seenByPeer)
  }

  @Test func whatIsNotAnsweredIsRepeatedAndThenGivenUp() throws {
    var pair = try Pair()
    let first = drain(&pair.client)
    #expect(first.count == 1)
    var now = begin
    var (waits, flights): ([Double], [[[UInt8]]]) = ([], [first])
    while let deadline = pair.client.deadline {
      #expect(pair.client.timeout(now: deadline - .nanoseconds(1)) == .handshaking)
      #expect(drain(&pair.client).isEmpty)
      waits.append((deadline - now).inMilliseconds)
      now = deadline
      if pair.client.timeout(now: now) == .handshaking { flights.append(drain(&pair.client)) }
    }
    #expect(Array(waits.prefix(7)) == [100, 200, 400, 800, 1600, 3200, 3200])
    #expect(now == begin + DTLSHandshake.limit)
    guard case .failed = pair.client.state else {
      Issue.record("\(pair.client.state)")
      return
    }
    // Each a hello of the same length, the first nine with record numbers of their own.
    #expect(flights.allSatisfy { $0.map(\.count) == first.map(\.count) })
    #expect(Set(flights).count == 9)
  }

  @Test func aServerMayAskForACookie() throws {
    var pair = try Pair()
    _ = drain(&pair.client)
    let cookie = (0..<20 as Range<UInt8>).map { $0 &+ 200 }
    let body = [0xfe, 0xff, UInt8(cookie.count)] + cookie
    let count = UInt8(body.count)
    let message = [3, 0, 0, count, 0, 0, 0, 0, 0, 0, 0, count] + body
    let request = [22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(message.count)] + message
    unsafe pair.client.receive(request.span.bytes, now: begin)
    let hello = try #require(drain(&pair.client).first)
    #expect(hello.firstRange(of: cookie) != nil)
    #expect(pair.client.state == .handshaking)
  }

  @Test func goodbyesAreHeard() throws {
    for clientCloses in [true, false] {
      var pair = try Pair()
      pair.shakeHands()
      if clientCloses { pair.client.close() } else { pair.server.close() }
      pair.shakeHands()
      #expect(pair.client.state == .closed && pair.server.state == .closed)
    }
  }

  /// In virtual time: one datagram arrives each way in a millisecond.
  @Test(arguments: 1...100 as ClosedRange<UInt64>)
  func badWiresDelayButDoNotBreak(seed: UInt64) throws {
    var pair = try Pair()
    var up = BadWire(seed: seed, loss: 0.3)
    var down = BadWire(seed: seed + 1000, loss: 0.3)
    for millisecond in 0..<30_000 where (try? pair.keys()) == nil {
      let now = begin + .milliseconds(millisecond)
      pair.client.timeout(now: now)
      pair.server.timeout(now: now)
      for datagram in drain(&pair.client) { up.send(datagram) }
      for datagram in drain(&pair.server) { down.send(datagram) }
      if let datagram = up.arrive() { unsafe pair.server.receive(datagram.span.bytes, now: now) }
      if let datagram = down.arrive() { unsafe pair.client.receive(datagram.span.bytes, now: now) }
    }
    let (ours, theirs) = try pair.keys()
    #expect(ours == theirs.seenByPeer, "seed \(seed)")
  }

  @Test func nonsenseHarmsNothing() throws {
    var random = SeededGenerator(seed: 9)
    for round in 0..<100 {
      var pair = try Pair()
      _ = drain(&pair.client)
      for _ in 0..<20 {
        var noise = random.bytes(Int.random(in: 0...1500, using: &random))
        // Half of it looks like a record of a handshake.
        if round % 2 == 0, noise.count > 13 {
          noise.replaceSubrange(0..<5, with: [22, 254, 253, 0, 0])
          noise[11] = UInt8((noise.count - 13) >> 8)
          noise[12] = UInt8((noise.count - 13) & 255)
        }
        unsafe pair.client.receive(noise.span.bytes, now: begin)
        _ = drain(&pair.client)
      }
      if case .established = pair.client.state { Issue.record("noise is no handshake") }
    }
  }
}
