import AuraStream
import Testing

/// The listener's agent opposite a full server, whose checks are written by hand.
struct PlayerRoleTests {
  typealias Player = PlayerSession<StubPlayerDTLS>

  static let server = PlayerSimulation.serverAddresses[0]
  static let elsewhere = PlayerSimulation.serverAddresses[1]
  static let start = HostTime(nanoseconds: 1_000_000_000)
  static let credentials = PlayerSimulation.parameters([server]).credentials

  static func player() -> Player {
    var player = Player(
      PlayerSimulation.parameters([server]), now: start, authenticate: testAuthenticator,
      makeDTLS: { StubPlayerDTLS(now: $0) })
    player.timeout(now: start)
    return player
  }

  /// What it wants to send: STUN messages, and how many of DTLS.
  static func drain(
    _ player: inout Player
  ) throws -> (messages: [(STUNMessage, Endpoint)], handshakes: Int) {
    var messages: [(STUNMessage, Endpoint)] = []
    var handshakes = 0
    while let output = player.nextOutput() {
      guard case .send(let bytes, let remote) = output else { continue }
      switch unsafe DatagramKind(of: bytes.span.bytes) {
      case .stun: messages.append((try unsafe STUNMessage(parsing: bytes.span.bytes), remote))
      case .dtls: handshakes += 1
      default: Issue.record("an odd datagram")
      }
    }
    return (messages, handshakes)
  }

  static func give(
    _ message: STUNMessage, key: [UInt8], from remote: Endpoint = server, to player: inout Player
  ) {
    var bytes = message.bytes(key: key, authenticate: testAuthenticator)
    unsafe bytes.withUnsafeMutableBytes { buffer in
      _ = unsafe player.receive(buffer, from: remote, now: start)
    }
  }

  static func answer(
    _ request: STUNMessage, from remote: Endpoint = server, to player: inout Player
  ) throws {
    let own = IPEndpoint(address: try #require(IPAddress("192.0.2.1")), port: 40_000)
    give(
      .success(to: request, from: own), key: credentials.remotePassword, from: remote, to: &player)
  }

  static func check(
    _ number: UInt64, nominates: Bool = false, change: (inout STUNMessage) -> Void
  ) -> STUNMessage {
    var request = STUNMessage(
      kind: .request, transaction: STUNTransaction(high: 77, low: number))
    request.username = credentials.localFragment + Array(":".utf8) + credentials.remoteFragment
    request.priority = 5
    request.useCandidate = nominates
    change(&request)
    return request
  }

  @Test func aCheckThenAChoiceThenAHandshake() throws {
    var player = Self.player()
    let first = try Self.drain(&player)
    #expect(first.messages.count == 1 && first.handshakes == 0)
    let check = first.messages[0].0
    #expect(check.controlling != nil && check.controlled == nil && !check.useCandidate)
    #expect(check.username == Array("server01:browser1".utf8) && check.priority != nil)
    try Self.answer(check, to: &player)
    let second = try Self.drain(&player)
    #expect(second.messages.count == 1 && second.messages[0].0.useCandidate)
    try Self.answer(second.messages[0].0, to: &player)
    let third = try Self.drain(&player)
    #expect(third.messages.isEmpty && third.handshakes == 1)
  }

  @Test func anAnswerFromElsewhereProvesNothing() throws {
    var player = Self.player()
    let check = try Self.drain(&player).messages[0].0
    try Self.answer(check, from: Self.elsewhere, to: &player)
    let after = try Self.drain(&player)
    #expect(after.messages.isEmpty && after.handshakes == 0)
  }

  @Test func aFullServersCheckIsAnsweredAndItsAddressTried() throws {
    var player = Self.player()
    _ = try Self.drain(&player)
    Self.give(
      Self.check(1) { $0.controlled = 5 }, key: Self.credentials.localPassword,
      from: Self.elsewhere, to: &player)
    let messages = try Self.drain(&player).messages
    #expect(messages.count == 2 && messages.allSatisfy { $0.1 == Self.elsewhere })
    let reply = try #require(messages.first { $0.0.kind == .success }?.0)
    #expect(reply.mappedAddress?.port == Self.elsewhere.port)
    #expect(messages.contains { $0.0.kind == .request })
  }

  @Test func strangersGetNoAnswer() throws {
    var player = Self.player()
    _ = try Self.drain(&player)
    Self.give(Self.check(1) { $0.controlled = 5 }, key: Array("guess".utf8), to: &player)
    Self.give(
      Self.check(2) { $0.username = Array("browser1:stranger".utf8) },
      key: Self.credentials.localPassword, to: &player)
    let after = try Self.drain(&player)
    #expect(after.messages.isEmpty)
  }

  @Test func theGreaterNumberDecidesWhoControls() throws {
    // Ours is that of a nonce of 99, turned: nearly the greatest.
    for (theirs, weKeep) in [(5, true), (UInt64.max, false)] as [(UInt64, Bool)] {
      var player = Self.player()
      _ = try Self.drain(&player)
      Self.give(
        Self.check(1, nominates: true) { $0.controlling = theirs },
        key: Self.credentials.localPassword, to: &player)
      let messages = try Self.drain(&player).messages.map(\.0)
      let reply = try #require(messages.first { $0.kind != .request })
      #expect((reply.errorCode?.number == 487) == weKeep)
      guard !weKeep else { continue }
      // Controlled now: our check says so, and their choice is taken.
      let check = try #require(messages.first { $0.kind == .request })
      #expect(check.controlled != nil && !check.useCandidate)
      try Self.answer(check, to: &player)
      let after = try Self.drain(&player)
      #expect(after.handshakes == 1)
    }
  }

  @Test func aConflictTheServerSeesTurnsUsAround() throws {
    var player = Self.player()
    let check = try Self.drain(&player).messages[0].0
    Self.give(
      .failure(to: check, .roleConflict), key: Self.credentials.remotePassword, to: &player)
    player.timeout(now: Self.start + .milliseconds(1))
    let messages = try Self.drain(&player).messages.map(\.0)
    #expect(messages.count == 1 && messages[0].controlled != nil)
  }
}
