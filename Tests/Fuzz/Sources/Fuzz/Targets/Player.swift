internal import AuraCrypto
internal import AuraStream

extension Target {
  /// A listener's own session: candidates of any number, answers true and false, media, reports, time.
  static let player = Target(
    name: "player", executions: 6_000, longest: 250,
    run: { bytes in
      var program = ByteProgram(bytes)
      var run = PlayerRun(candidates: Int(program.byte() & 7))
      while !program.isAtEnd { run.step(&program) }
    },
    seeds: {
      let joined: [UInt8] = [1, 5, 0, 1, 0, 5, 0, 1, 0, 6, 0, 3, 7, 5]
      let media: [UInt8] = (0..<6).flatMap { [7, 0, $0, 3] as [UInt8] }
      return [
        joined + media, joined + media + [8, 9, 9, 8, 2, 10, 3, 0, 1, 2, 3, 4, 200, 200],
        [3, 5, 5, 5, 0, 0, 1, 1, 0, 2, 1, 3, 5, 5, 5], joined + [11, 0, 4, 255, 255, 4, 255, 255],
        joined + media + [9, 40, 12, 5, 13, 5],
      ]
    })
}

private struct PlayerRun: ~Copyable {
  private typealias Player = PlayerSession<StubDTLS>
  private static let credentials = SessionCredentials(
    localFragment: Array("ours".utf8), localPassword: Array("a password of ours, long".utf8),
    remoteFragment: Array("them".utf8), remotePassword: Array("a password of theirs".utf8),
    nonce: 0x1122_3344_5566_7788)
  private static let ssrc: UInt32 = 5

  private var now = HostTime(nanoseconds: 1_000_000_000)
  private var player: Player
  private let known: Set<Endpoint>
  /// The last questions it asked, and whom.
  private var questions: [(transaction: STUNTransaction, remote: Endpoint)] = []
  private var isStarted = false
  private var isClosed = false

  init(candidates: Int) {
    let addresses = (0...candidates).compactMap { IPAddress("192.0.2.\($0 + 1)") }
    known = Set(addresses.map { Endpoint($0, port: 5_555) })
    let text = """
      v=0
      m=audio 9 UDP/TLS/RTP/SAVPF 111 63
      a=sendonly
      a=rtcp-mux
      a=ice-ufrag:x
      a=ice-pwd:y
      a=fingerprint:\(CertificateFingerprint(hash: .sha256, bytes: Array(1...32))?.description ?? "")
      a=rtpmap:111 opus/48000/2
      a=rtcp-fb:111 nack
      a=rtcp-fb:111 rrtr
      a=rtpmap:63 red/48000/2
      a=fmtp:63 111/111
      a=candidate:1 1 udp 1 192.0.2.1 1 typ host
      """
    guard let answer = try? PlayerAnswer(parsing: text) else { fatalError("this is an answer") }
    var parameters = Player.Parameters(
      answer, credentials: Self.credentials, ssrc: 7, cname: "player")
    parameters.candidates = ICECandidate.hosts(
      addresses.map { IPEndpoint(address: $0, port: 5_555) })
    player = Player(
      parameters, now: now, authenticate: HMACSHA1.authenticate, makeDTLS: { _ in StubDTLS() })
    player.timeout(now: now)
    drain(most: 8)
  }

  mutating func step(_ program: inout ByteProgram) {
    switch program.byte() & 15 {
    case 0, 1: answer(program.byte(), from: nil)
    case 2: answer(program.byte(), from: endpoint(program.byte()))
    case 3: receive(program.bytes(Int(program.byte())), from: endpoint(program.byte()))
    case 4: pass(.milliseconds(Int64(program.uint16())))
    case 5: waitForDeadline()
    case 6:
      let remote = endpoint(program.byte())
      receive(
        StubDTLS.datagram(program.byte() & 7, number: program.byte(), byteCount: 20), from: remote)
    case 7: sendMedia(&program)
    case 8: report(program.byte())
    case 9:
      player.request((0..<UInt16(program.byte())).map { $0 * 3 }, now: now)
      drain(most: 1)
    case 10:
      let count = Int(program.byte() & 63)
      receive([0x80, 200] + program.bytes(count) + [1], from: player.remote ?? endpoint(0))
    case 11:
      player.networkChanged(now: now)
      drain(most: 16)
    case 12 where program.byte() == 5:
      player.close()
      drain(most: 40)
    default: pass(.milliseconds(20))
    }
    check(!isClosed || player.deadline == nil, "the end waits for nothing")
    check(isClosed || player.deadline != nil, "no session lasts for ever by itself")
  }

  private func endpoint(_ number: UInt8) -> Endpoint {
    Endpoint(upper: 0, lower: 0xffff_c000_0200 + UInt64(number % 12) + 1, port: 5_555)
  }

  /// Answers one of its questions: truly, with a wrong password, or with a refusal.
  private mutating func answer(_ choice: UInt8, from other: Endpoint?) {
    guard !questions.isEmpty else { return }
    let question = questions[questions.count - 1 - Int(choice >> 3) % questions.count]
    let message = STUNMessage(kind: .success, transaction: question.transaction)
    let isForged = choice & 7 == 7
    let bytes = message.bytes(
      key: isForged ? Self.credentials.localPassword : Self.credentials.remotePassword,
      authenticate: HMACSHA1.authenticate)
    let before = player.remote
    receive(bytes, from: other ?? question.remote)
    check(!isForged || player.remote == before, "who does not know the password moves nothing")
  }

  private mutating func sendMedia(_ program: inout ByteProgram) {
    let remote = endpoint(program.byte() & 0x8f)
    let sequence = program.byte()
    let flags = program.byte()
    var bytes: [UInt8] = [0x80, flags & 1 == 0 ? 63 : 111, 0, sequence, 0, 0, 3, 192, 0, 0, 0]
    bytes += [flags & 2 == 0 ? 6 : UInt8(Self.ssrc), 9, 9, flags & 0x80 == 0 ? 1 : 0]
    let source = flags & 4 == 0 ? player.remote ?? remote : remote
    let isNew = receive(bytes, from: source)
    check(!isNew || isStarted, "nothing is played before the handshake")
    check(!isNew || flags & 0x80 == 0, "nothing forged is played")
  }

  private mutating func report(_ choice: UInt8) {
    var bytes: [UInt8] = []
    SenderReport(
      ssrc: Self.ssrc, ntpTime: NTPTime(now), rtpTimestamp: 9, packetCount: 1, octetCount: 1
    ).append(to: &bytes)
    if choice & 15 == 15 { Goodbye(ssrcs: [Self.ssrc]).append(to: &bytes) }
    receive(bytes + [1], from: player.remote ?? endpoint(choice))
  }

  /// - Returns: whether it was new media.
  @discardableResult
  private mutating func receive(_ bytes: [UInt8], from remote: Endpoint) -> Bool {
    var datagram = bytes
    let header = unsafe datagram.withUnsafeMutableBytes {
      unsafe player.receive($0, from: remote, now: now)
    }
    drain(most: 48)
    return header != nil
  }

  private mutating func pass(_ time: Duration) {
    now = now + time
    player.timeout(now: now)
    drain(most: 48)
  }

  private mutating func waitForDeadline() {
    guard let due = player.deadline else { return }
    now = max(now, due)
    player.timeout(now: now)
    drain(most: 48)
    check(player.deadline.map { $0 > now } ?? true, "time does not stand still at a deadline")
  }

  private mutating func drain(most: Int) {
    var count = 0
    while let output = player.nextOutput() {
      count += 1
      check(!isClosed, "nothing follows the end")
      switch output {
      case .send(let bytes, let remote):
        check(known.contains(remote), "nothing is sent to whom the answer does not name")
        check((1...1_200).contains(bytes.count), "a datagram is neither empty nor long")
        noteQuestion(bytes, to: remote)
      case .started:
        check(!isStarted, "it starts once")
        check(player.remote != nil, "a handshake has a way")
        isStarted = true
      case .liveness, .told: check(isStarted, "nobody sends media yet")
      case .closed: isClosed = true
      }
    }
    check(count <= most, "one input has few consequences")
  }

  private mutating func noteQuestion(_ bytes: [UInt8], to remote: Endpoint) {
    guard let message = try? unsafe STUNMessage(parsing: bytes.span.bytes),
      message.kind == .request
    else { return }
    questions = questions.suffix(15) + [(message.transaction, remote)]
  }
}
