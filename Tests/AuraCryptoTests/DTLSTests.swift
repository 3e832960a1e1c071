import AuraCrypto
import AuraStream
import Testing

/// Made once: a key costs time.
private let identity = Result { try DTLSIdentity() }
private let start = HostTime(nanoseconds: 1_000_000_000)

private func makeServer(_ client: DTLSClient, _ hash: CertificateFingerprint.Hash = .sha256) throws
  -> DTLSHandshake
{
  try DTLSHandshake(
    identity: identity.get(), peerFingerprint: client.fingerprint(hash), now: start)
}

private func receive(
  _ server: inout DTLSHandshake, _ datagram: [UInt8], at now: HostTime = start
) -> DTLSHandshake.State {
  unsafe server.receive(datagram.span.bytes, now: now)
}

private func drain(_ server: inout DTLSHandshake) -> [[UInt8]] {
  var datagrams: [[UInt8]] = []
  while let datagram = server.nextDatagram() {
    #expect(datagram.count <= DTLSHandshake.largestDatagram)
    datagrams.append(datagram)
  }
  return datagrams
}

/// Carries datagrams over a perfect wire until none is left.
private func shakeHands(_ server: inout DTLSHandshake, _ client: DTLSClient) {
  client.receive()
  var isMoving = true
  while isMoving {
    isMoving = false
    for datagram in client.datagrams() {
      _ = receive(&server, datagram)
      isMoving = true
    }
    for datagram in drain(&server) {
      client.receive(datagram)
      isMoving = true
    }
  }
}

private func keys(_ state: DTLSHandshake.State) -> SRTPKeys? {
  if case .established(let keys) = state { keys } else { nil }
}

private func reason(_ state: DTLSHandshake.State) -> String? {
  if case .failed(let reason) = state { reason } else { nil }
}

@Suite struct DTLSTests {
  @Test(arguments: [
    ("SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80", SRTPProfile.aeadAES128GCM),
    ("SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM", .aeadAES128GCM),
    ("SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80", .aes128CMHMACSHA1_80),
  ])
  func weChooseTheProfileAndBothHaveTheKeys(offered: String, profile: SRTPProfile) throws {
    let client = try DTLSClient(profiles: offered)
    var server = try makeServer(client)
    #expect(server.deadline == start + DTLSHandshake.limit)
    shakeHands(&server, client)
    #expect(client.isEstablished)
    let ours = try #require(keys(server.state))
    #expect(ours.profile == profile)
    #expect(try client.keys() == ours.seenByPeer)
    #expect(try client.serverFingerprint() == identity.get().sha256Fingerprint)
    #expect(server.deadline == nil)
    // And a packet goes across.
    var sender = try SRTPSender(keys: ours, ssrc: testSource)
    var receiver = try SRTPReceiver(keys: client.keys())
    #expect(try unprotect(&receiver, protect(&sender, rtp(1))) == rtp(1))
  }

  @Test(arguments: CertificateFingerprint.Hash.allCases, [DTLSClient.Key.p256, .rsa])
  func certificatesAreKnownByTheirFingerprint(
    hash: CertificateFingerprint.Hash, key: DTLSClient.Key
  ) throws {
    let client = try DTLSClient(key: key)
    var server = try makeServer(client, hash)
    shakeHands(&server, client)
    #expect(keys(server.state) != nil)
  }

  @Test func anotherCertificateIsRefused() throws {
    let client = try DTLSClient()
    let other = try DTLSClient()
    var server = try makeServer(other)
    shakeHands(&server, client)
    #expect(reason(server.state)?.contains("certificate is not the one") == true)
    #expect(!client.isEstablished)
    #expect(client.failure != nil)
    #expect(server.deadline == nil)
  }

  @Test func onlyTheStrongestFingerprintsCount() throws {
    let client = try DTLSClient()
    let other = try DTLSClient()
    func state(_ fingerprints: [CertificateFingerprint]) throws -> DTLSHandshake.State {
      let client = client.isEstablished ? other : client
      var server = try DTLSHandshake(
        identity: identity.get(), peerFingerprints: fingerprints, now: start)
      shakeHands(&server, client)
      return server.state
    }
    // Several with the same hash: any. A weaker one that fits is no help.
    #expect(try keys(state([other.fingerprint(), client.fingerprint()])) != nil)
    #expect(try reason(state([other.fingerprint(), client.fingerprint(.sha512)])) != nil)
    #expect(throws: CryptoError.self) {
      _ = try DTLSHandshake(identity: identity.get(), peerFingerprints: [], now: start)
    }
  }

  @Test func whoShowsNoCertificateIsRefused() throws {
    let client = try DTLSClient(key: .none)
    let other = try DTLSClient()
    var server = try makeServer(other)
    shakeHands(&server, client)
    #expect(reason(server.state) != nil)
    #expect(!client.isEstablished)
  }

  @Test(arguments: [nil, "SRTP_AES128_CM_SHA1_32"])
  func whoKnowsNoneOfOurProfilesIsRefused(profiles: String?) throws {
    let client = try DTLSClient(profiles: profiles)
    var server = try makeServer(client)
    shakeHands(&server, client)
    #expect(reason(server.state)?.contains("no SRTP protection") == true)
  }

  @Test func helloMaySpanDatagramsInAnyOrder() throws {
    for isReversed in [false, true] {
      // As long as the key shares of post-quantum groups make it.
      let client = try DTLSClient(padding: 1300)
      var server = try makeServer(client)
      client.receive()
      var pieces = client.datagrams()
      if isReversed { pieces.reverse() }
      #expect(pieces.count == 2)
      for piece in pieces { _ = receive(&server, piece) }
      for datagram in drain(&server) { client.receive(datagram) }
      for datagram in client.datagrams() { _ = receive(&server, datagram) }
      for datagram in drain(&server) { client.receive(datagram) }
      #expect(client.isEstablished)
      #expect(keys(server.state) != nil)
    }
  }

  @Test func eachOfOurFlightsIsOneDatagram() throws {
    let client = try DTLSClient()
    var server = try makeServer(client)
    client.receive()
    for datagram in client.datagrams() { _ = receive(&server, datagram) }
    let flight = drain(&server)
    #expect(flight.count == 1)
    for datagram in flight { client.receive(datagram) }
    for datagram in client.datagrams() { _ = receive(&server, datagram) }
    #expect(drain(&server).count == 1)
  }

  @Test func whatIsNotAnsweredIsRepeatedAndThenGivenUp() throws {
    let client = try DTLSClient()
    var server = try makeServer(client)
    client.receive()
    for datagram in client.datagrams() { _ = receive(&server, datagram) }
    let flight = drain(&server)
    #expect(!flight.isEmpty)
    var now = start
    var waits: [Double] = []
    while let deadline = server.deadline {
      #expect(server.timeout(now: deadline - .nanoseconds(1)) == .handshaking)
      #expect(drain(&server).isEmpty)
      waits.append((deadline - now).inMilliseconds)
      now = deadline
      if server.timeout(now: now) == .handshaking { #expect(drain(&server) == flight) }
    }
    #expect(Array(waits.prefix(7)) == [100, 200, 400, 800, 1600, 3200, 3200])
    #expect(now == start + DTLSHandshake.limit)
    #expect(reason(server.state)?.contains("30 s") == true)
    #expect(drain(&server).isEmpty)
  }

  @Test func silenceIsGivenUpToo() throws {
    var server = try makeServer(DTLSClient())
    #expect(reason(server.timeout(now: start + .seconds(30))) != nil)
    #expect(drain(&server).isEmpty)
  }

  @Test func theLastFlightIsRepeatedWhenAskedFor() throws {
    let client = try DTLSClient()
    var server = try makeServer(client)
    client.receive()
    for datagram in client.datagrams() { _ = receive(&server, datagram) }
    for datagram in drain(&server) { client.receive(datagram) }
    for datagram in client.datagrams() { _ = receive(&server, datagram) }
    #expect(keys(server.state) != nil)
    #expect(!drain(&server).isEmpty)  // Lost.
    let asked = client.repeatedFlight()
    #expect(!asked.isEmpty)
    for datagram in asked { _ = receive(&server, datagram) }
    for datagram in drain(&server) { client.receive(datagram) }
    #expect(client.isEstablished)
    #expect(try client.keys() == keys(server.state)?.seenByPeer)
  }

  @Test func goodbyesAreHeard() throws {
    for weClose in [true, false] {
      let client = try DTLSClient()
      var server = try makeServer(client)
      shakeHands(&server, client)
      if weClose {
        server.close()
        for datagram in drain(&server) { client.receive(datagram) }
        #expect(client.isClosedByPeer)
      } else {
        client.close()
        for datagram in client.datagrams() { _ = receive(&server, datagram) }
      }
      #expect(server.state == .closed)
      #expect(receive(&server, [22, 254, 253]) == .closed)
    }
  }

  /// Who sends under the listener's address, as anybody on the network can, must not end its sound.
  @Test(arguments: 0...40)
  func forgedRecordsHarmNobody(length: Int) throws {
    for kind in 20...24 as ClosedRange<UInt8> {
      for epoch in 0...2 as ClosedRange<UInt8> {
        let client = try DTLSClient()
        var server = try makeServer(client)
        shakeHands(&server, client)
        let forged =
          [kind, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 90, 0, UInt8(length)]
          + [UInt8](repeating: 2, count: length)
        #expect(keys(receive(&server, forged)) != nil, "kind \(kind), epoch \(epoch)")
        #expect(drain(&server).isEmpty)
        client.close()
        for datagram in client.datagrams() { _ = receive(&server, datagram) }
        #expect(server.state == .closed, "its goodbye is heard after kind \(kind), epoch \(epoch)")
      }
    }
  }

  @Test(arguments: 0...40)
  func forgedRecordsDoNotEndAHandshake(length: Int) throws {
    let client = try DTLSClient()
    var server = try makeServer(client)
    func forge(_ server: inout DTLSHandshake) {
      for kind in 20...24 as ClosedRange<UInt8> {
        let forged =
          [kind, 254, 253, 0, 1, 0, 0, 0, 0, 0, kind, 0, UInt8(length)]
          + [UInt8](repeating: 2, count: length)
        _ = receive(&server, forged)
      }
    }
    client.receive()
    for datagram in client.datagrams() { _ = receive(&server, datagram) }
    forge(&server)
    for datagram in drain(&server) { client.receive(datagram) }
    for datagram in client.datagrams() { _ = receive(&server, datagram) }
    #expect(keys(server.state) != nil)
  }
}
