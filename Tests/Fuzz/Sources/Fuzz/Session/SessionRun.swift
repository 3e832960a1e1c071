internal import AuraCrypto
internal import AuraStream

/// A listener's session, and a program that plays the network and the time.
struct SessionRun: ~Copyable {
  static let ssrc: UInt32 = 0x1234_5678
  private static let credentials = SessionCredentials(
    localFragment: Array("ours".utf8), localPassword: Array("a password of ours, long".utf8),
    remoteFragment: Array("them".utf8), remotePassword: Array("a password of theirs".utf8),
    nonce: 0x1122_3344_5566_7788)

  private var now = HostTime(nanoseconds: 1_000_000_000)
  private var session: ListenerSession<StubDTLS>
  private var rules = SessionRules()
  private var transactions: UInt64 = 0
  private var checks: [(bytes: [UInt8], path: NetworkPath)] = []

  /// - Parameter canHandshake: whether an engine can be made.
  init(canHandshake: Bool) {
    session = ListenerSession(
      Self.credentials, ssrc: Self.ssrc, now: now, authenticate: HMACSHA1.authenticate,
      makeDTLS: { canHandshake ? StubDTLS() : nil })
  }

  /// Follows one instruction.
  mutating func step(_ program: inout ByteProgram) {
    let instruction = program.byte()
    switch instruction & 15 {
    case 0, 1: sendCheck(&program)
    case 2: sendForgedCheck(&program)
    case 3: repeatCheck(&program)
    case 4: pass(.milliseconds(Int64(program.uint16())))
    case 5: waitForDeadline()
    case 6, 7:
      let step = program.byte() & 7
      let bytes = StubDTLS.datagram(
        step, number: program.byte(), byteCount: Int(program.byte()) * 5)
      receive(bytes, along: path(&program), mayBegin: instruction & 16 == 0)
    case 8: sendReport(&program)
    case 9: sendRequests(&program)
    case 10:
      let header: [UInt8] = [0x80, 201]
      receive(header + program.bytes(Int(program.byte())) + [1], along: path(&program))
    case 11: answerQuestion(&program)
    case 12: receive(program.bytes(Int(program.byte())), along: path(&program))
    case 13: sendGoodbye(&program)
    case 14 where instruction == 0xfe:
      session.close()
      drain(most: 40)
    default: pass(.milliseconds(500))
    }
  }

  private func path(_ program: inout ByteProgram) -> NetworkPath {
    let number = UInt64(program.byte() % 12)
    return NetworkPath(remote: Endpoint(upper: 0, lower: 0xffff_c000_0200 + number, port: 40_000))
  }

  // MARK: Checks

  private mutating func sendCheck(_ program: inout ByteProgram) {
    let path = path(&program)
    let flags = program.byte()
    transactions += 1
    let bytes = Self.request(transactions, flags).bytes(
      key: Self.credentials.localPassword, authenticate: HMACSHA1.authenticate)
    checks = checks.suffix(7) + [(bytes, path)]
    rules.expect(path)
    receive(bytes, along: path)
  }

  private static func request(_ number: UInt64, _ flags: UInt8) -> STUNMessage {
    var request = STUNMessage(
      kind: .request, transaction: STUNTransaction(high: 1, low: number))
    request.username = Array("ours:them".utf8)
    request.priority = 1
    request.useCandidate = flags & 1 != 0
    // The wrong role, at times.
    if flags & 0x70 == 0x70 { request.controlled = 5 } else { request.controlling = 5 }
    return request
  }

  /// Somebody else's: its username or its password is wrong, or it is no request.
  private mutating func sendForgedCheck(_ program: inout ByteProgram) {
    let path = path(&program)
    let flags = program.byte()
    transactions += 1
    var request = Self.request(transactions, flags)
    var password = Self.credentials.localPassword
    switch flags & 3 {
    case 0: request.username = nil
    case 1: request.username = Array("ours:you".utf8)
    case 2: request.kind = .indication
    default: password[Int(program.byte()) % password.count] ^= 1
    }
    let bytes = request.bytes(key: password, authenticate: HMACSHA1.authenticate)
    receiveForged(bytes, along: path)
  }

  /// An earlier check once more: changed, from somewhere else, or as it was.
  private mutating func repeatCheck(_ program: inout ByteProgram) {
    let number = Int(program.byte())
    let path = path(&program)
    guard !checks.isEmpty else { return }
    let earlier = checks[number % checks.count]
    if path != earlier.path {
      receiveForged(earlier.bytes, along: path)
    } else if number & 0x80 != 0 {
      var bytes = earlier.bytes
      // All but the first byte and the fingerprint, which only tell protocols apart.
      bytes[1 + Int(program.byte()) % (bytes.count - 9)] ^= 1 << (number >> 4 & 7)
      receiveForged(bytes, along: path)
    } else {
      receive(earlier.bytes, along: path)
    }
  }

  private mutating func receiveForged(_ bytes: [UInt8], along path: NetworkPath) {
    unsafe session.receive(bytes.span.bytes, along: path, now: now)
    check(drain(most: 0) == 0, "what the listener has not said has no effect")
  }

  private mutating func answerQuestion(_ program: inout ByteProgram) {
    let path = path(&program)
    guard let question = rules.questions.last else { return }
    let isTrue = program.byte() & 3 != 0
    let answer = STUNMessage(kind: .success, transaction: question)
    let bytes = answer.bytes(
      key: isTrue ? Self.credentials.remotePassword : Self.credentials.localPassword,
      authenticate: HMACSHA1.authenticate)
    receive(bytes, along: path)
  }

  // MARK: Feedback

  private mutating func sendReport(_ program: inout ByteProgram) {
    let block = ReportBlock(
      ssrc: program.byte() & 7 == 0 ? 1 : Self.ssrc, fractionLost: program.byte(),
      cumulativeLost: Int32(bitPattern: program.uint32()), highestSequenceNumber: 1,
      jitter: program.uint32(), lastSenderReport: program.uint32(),
      delaySinceLastSenderReport: NTPShortDuration(units: UInt32(program.uint16())))
    var bytes: [UInt8] = []
    ReceiverReport(ssrc: 7, reports: [block]).append(to: &bytes)
    ReceiverReferenceTime(ssrc: 7, ntpTime: NTPTime(now)).append(to: &bytes)
    receive(bytes + [1], along: path(&program))
  }

  private mutating func sendRequests(_ program: inout ByteProgram) {
    var request = GenericNACK(senderSSRC: 7, mediaSSRC: Self.ssrc, entries: [])
    for _ in 0..<Int(program.byte() & 63) {
      request.entries.append(.init(packetID: program.uint16(), followingLost: 0xffff))
    }
    var bytes: [UInt8] = []
    request.append(to: &bytes)
    receive(bytes + [1], along: path(&program))
  }

  private mutating func sendGoodbye(_ program: inout ByteProgram) {
    let more = program.byte()
    var bytes: [UInt8] = []
    ReceiverReport(ssrc: 7, reports: []).append(to: &bytes)
    Goodbye(ssrcs: [7]).append(to: &bytes)
    // Nobody sane goes on after that, but who would keep them?
    if more & 1 != 0 { Goodbye(ssrcs: [7]).append(to: &bytes) }
    if more & 2 != 0 {
      GenericNACK(senderSSRC: 7, mediaSSRC: Self.ssrc, lost: [5]).append(to: &bytes)
    }
    receive(bytes + [1], along: path(&program))
  }

  // MARK: In and out

  private mutating func receive(
    _ bytes: [UInt8], along path: NetworkPath, mayBegin: Bool = true
  ) {
    rules.willReceive(byteCount: bytes.count, along: path)
    let isKnown = rules.authentic.contains(path)
    unsafe session.receive(
      bytes.span.bytes, along: path, mayBeginHandshake: mayBegin, now: now)
    let count = drain(most: 40 + bytes.count / 4)
    check(isKnown || count == 0, "a stranger gets nothing")
  }

  private mutating func pass(_ time: Duration) {
    now = now + time
    session.timeout(now: now)
    drain(most: 8)
  }

  /// Exactly as long as it wants to be left alone.
  private mutating func waitForDeadline() {
    guard let due = session.deadline else { return }
    now = max(now, due)
    session.timeout(now: now)
    drain(most: 8)
    check(session.deadline.map { $0 > now } ?? true, "time does not stand still at a deadline")
  }

  @discardableResult
  private mutating func drain(most: Int) -> Int {
    var count = 0
    while let output = session.nextOutput() {
      count += 1
      rules.judge(output, provedPaths: session.provedPaths)
    }
    check(count <= most, "one input has few consequences")
    rules.judge(session, now: now)
    return count
  }
}
