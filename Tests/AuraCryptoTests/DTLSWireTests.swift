import AuraCrypto
import AuraStream
import Testing

private let identity = Result { try DTLSIdentity() }

/// A wire that loses, delays, swaps and doubles datagrams.
struct BadWire {
  var random: SeededGenerator
  var loss: Double
  private var flying: [[UInt8]] = []

  init(seed: UInt64, loss: Double) {
    random = SeededGenerator(seed: seed)
    self.loss = loss
  }

  mutating func send(_ datagram: [UInt8]) {
    for _ in 0..<(Double.random(in: 0..<1, using: &random) < 0.1 ? 2 : 1)
    where Double.random(in: 0..<1, using: &random) >= loss {
      flying.insert(datagram, at: Int.random(in: 0...flying.count, using: &random))
    }
  }

  mutating func arrive() -> [UInt8]? { flying.popLast() }
}

@Suite struct DTLSWireTests {
  /// In virtual time: one datagram arrives each way in a millisecond.
  @Test(arguments: 1...100 as ClosedRange<UInt64>)
  func badWiresDelayButDoNotBreak(seed: UInt64) throws {
    let client = try DTLSClient(mtu: seed % 2 == 0 ? 300 : 1200)
    let begin = HostTime(nanoseconds: 0)
    var server = try DTLSHandshake(
      identity: identity.get(), peerFingerprint: client.fingerprint(), now: begin)
    var up = BadWire(seed: seed, loss: 0.2)
    var down = BadWire(seed: seed + 1000, loss: 0.2)
    var (wait, repetition) = (Duration.milliseconds(50), begin + .milliseconds(50))
    client.receive()
    for millisecond in 0..<20_000 where !client.isEstablished {
      let now = begin + .milliseconds(millisecond)
      let made = client.datagrams()
      if !made.isEmpty { (wait, repetition) = (.milliseconds(50), now + .milliseconds(50)) }
      for datagram in made { up.send(datagram) }
      if now >= repetition {
        for datagram in client.repeatedFlight() { up.send(datagram) }
        wait = wait * 2
        repetition = now + wait
      }
      if let datagram = up.arrive() { unsafe server.receive(datagram.span.bytes, now: now) }
      server.timeout(now: now)
      while let datagram = server.nextDatagram() { down.send(datagram) }
      if let datagram = down.arrive() { client.receive(datagram) }
    }
    #expect(client.failure == nil, "seed \(seed)")
    guard client.isEstablished, case .established(let keys) = server.state else {
      Issue.record("seed \(seed): \(server.state), client: \(client.isEstablished)")
      return
    }
    #expect(try client.keys() == keys.seenByPeer, "seed \(seed)")
  }

  @Test func nonsenseHarmsNothing() throws {
    let client = try DTLSClient()
    var random = SeededGenerator(seed: 9)
    for round in 0..<200 {
      var server = try DTLSHandshake(
        identity: identity.get(), peerFingerprint: client.fingerprint(),
        now: HostTime(nanoseconds: 0))
      for _ in 0..<20 {
        var noise = random.bytes(Int.random(in: 0...1500, using: &random))
        // Half of it looks like a record of a handshake.
        if round % 2 == 0, noise.count > 13 {
          noise.replaceSubrange(0..<5, with: [22, 254, 253, 0, 0])
          noise[11] = UInt8((noise.count - 13) >> 8)
          noise[12] = UInt8((noise.count - 13) & 255)
        }
        unsafe server.receive(noise.span.bytes, now: HostTime(nanoseconds: 0))
        while let datagram = server.nextDatagram() { #expect(datagram.count <= 1200) }
      }
      if case .established = server.state { Issue.record("noise is no handshake") }
    }
  }

  /// Real handshakes with bytes changed on the way: they may fail, but the keys never differ.
  @Test func changedHandshakesNeverEndInOtherKeys() throws {
    for seed in 1...150 as ClosedRange<UInt64> {
      var random = SeededGenerator(seed: seed)
      let client = try DTLSClient()
      var server = try DTLSHandshake(
        identity: identity.get(), peerFingerprint: client.fingerprint(),
        now: HostTime(nanoseconds: 0))
      client.receive()
      for _ in 0..<4 {
        for datagram in client.datagrams() {
          var datagram = datagram
          for _ in 0..<Int.random(in: 0...2, using: &random) {
            datagram[Int.random(in: 0..<datagram.count, using: &random)] ^=
              1 << UInt8.random(in: 0...7, using: &random)
          }
          if Int.random(in: 0..<20, using: &random) == 0 { datagram.removeLast() }
          unsafe server.receive(datagram.span.bytes, now: HostTime(nanoseconds: 0))
        }
        while let datagram = server.nextDatagram() { client.receive(datagram) }
      }
      if case .established(let keys) = server.state, client.isEstablished {
        #expect(try client.keys() == keys.seenByPeer, "seed \(seed)")
      }
    }
  }

  /// What a peer sends beyond a handshake's need is not looked at any more.
  @Test func aHandshakeTakesSoMuchAndNoMore() throws {
    let client = try DTLSClient()
    var server = try DTLSHandshake(
      identity: identity.get(), peerFingerprint: client.fingerprint(),
      now: HostTime(nanoseconds: 0))
    // Encrypted records long before there is a key, many to a datagram.
    for datagram in 0..<100 as Range<UInt8> {
      let records = (0..<80 as Range<UInt8>).flatMap {
        [23, 254, 253, 0, 1, 0, 0, 0, 0, datagram, $0, 0, 1, 0] as [UInt8]
      }
      unsafe server.receive(records.span.bytes, now: HostTime(nanoseconds: 0))
    }
    client.receive()
    for datagram in client.datagrams() {
      unsafe server.receive(datagram.span.bytes, now: HostTime(nanoseconds: 0))
    }
    #expect(server.nextDatagram() == nil)
    #expect(server.state == .handshaking)
  }
}
