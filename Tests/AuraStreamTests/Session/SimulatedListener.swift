import AuraStream

/// A player in virtual time, such as a browser: full ICE, DTLS client, receiver of RTP that asks for
/// what it misses, reports, and plays after a fixed delay.
struct SimulatedListener {
  struct Behaviour {
    var asksForMissing = true
    var understandsRedundancy = true
    var reportInterval = Duration.seconds(1)
    var checkInterval = Duration.milliseconds(2_500)
    /// From a frame's capture to its sound.
    var playoutDelay = Duration.milliseconds(150)
    /// Whether it answers our own checks.
    var answersQuestions = true
  }

  static let opus: UInt8 = 111
  static let redundant: UInt8 = 63

  let behaviour: Behaviour
  let credentials: SessionCredentials
  var path: NetworkPath
  /// Gone without a word: it neither sends nor hears.
  var isGone = false

  private(set) var isConnected = false
  private(set) var isFinished = false
  private(set) var sawGoodbye = false
  /// The first arrival of each frame, by its media time in packets.
  private(set) var arrivals: [Int: HostTime] = [:]
  private(set) var packets = 0
  private(set) var replays = 0
  private(set) var forged = 0
  private(set) var requests = 0
  private(set) var reports: [SenderReport] = []
  private(set) var echoes: [DelaySinceReference] = []
  private(set) var lastMediaAt: HostTime?
  private(set) var mistakes: [String] = []
  /// The bytes that came for each index: the same every time, or the key is in danger.
  private(set) var ciphertexts: [UInt64: [UInt8]] = [:]

  private var nextCheck = HostTime(nanoseconds: 0)
  private var nextHandshake = HostTime(nanoseconds: 0)
  private var nextReport: HostTime?
  private var nextRequests = HostTime(nanoseconds: 0)
  private var transaction: UInt64 = 1
  private var outgoing: [[UInt8]] = []
  private var feedback = StubFeedback()
  private var highest: UInt64?
  private var missing: [UInt64: (asked: Int, at: HostTime)] = [:]
  private var receivedSinceReport = 0
  private var highestAtReport: UInt64?
  private var lastReportAt: HostTime?

  let ssrc: UInt32
  let packetFrames: Int

  init(
    _ behaviour: Behaviour, credentials: SessionCredentials, path: NetworkPath, ssrc: UInt32,
    packetFrames: Int
  ) {
    self.behaviour = behaviour
    self.credentials = credentials
    self.path = path
    self.ssrc = ssrc
    self.packetFrames = packetFrames
  }

  mutating func takeOutgoing() -> [[UInt8]] {
    defer { outgoing = [] }
    return isGone ? [] : outgoing
  }

  /// Leaves at once and says so.
  mutating func leave() {
    var bytes: [UInt8] = []
    ReceiverReport(ssrc: 7, reports: []).append(to: &bytes)
    Goodbye(ssrcs: [7]).append(to: &bytes)
    outgoing.append(feedback.seal(bytes))
    isFinished = true
  }

  // MARK: Time

  mutating func advance(to now: HostTime) {
    guard !isGone, !isFinished else { return }
    if now >= nextCheck {
      check(isNominating: true)
      nextCheck = now + (isConnected ? behaviour.checkInterval : .milliseconds(50))
    }
    if isConnected, reports.isEmpty, packets == 0, now >= nextHandshake {
      outgoing.append(HandshakeStep.hello)
      nextHandshake = now + .milliseconds(400)
    }
    if behaviour.asksForMissing, now >= nextRequests {
      ask(now: now)
      nextRequests = now + .milliseconds(20)
    }
    if let due = nextReport, now >= due {
      report(now: now)
      nextReport = now + behaviour.reportInterval
    }
  }

  mutating func check(isNominating: Bool) {
    transaction += 1
    var request = STUNMessage(
      kind: .request, transaction: STUNTransaction(high: 9, low: transaction))
    request.username = credentials.localFragment + Array(":".utf8) + credentials.remoteFragment
    request.priority = 1
    request.controlling = 5
    request.useCandidate = isNominating
    outgoing.append(
      request.bytes(key: credentials.localPassword, authenticate: testAuthenticator))
  }

  private mutating func ask(now: HostTime) {
    // What is too old to be played is not asked for any more.
    missing = missing.filter { now - $0.value.at < behaviour.playoutDelay }
    let due = missing.keys.sorted().filter { index in
      guard let entry = missing[index] else { return false }
      return now - entry.at >= .milliseconds(60) * entry.asked
    }
    guard !due.isEmpty else { return }
    for index in due { missing[index]?.asked += 1 }
    requests += due.count
    var bytes: [UInt8] = []
    GenericNACK(
      senderSSRC: 7, mediaSSRC: ssrc, lost: due.map { UInt16(truncatingIfNeeded: $0) }
    ).append(to: &bytes)
    outgoing.append(feedback.seal(bytes))
  }

  private mutating func report(now: HostTime) {
    guard let highest else { return }
    let expected = Int(highest - (highestAtReport ?? highest - 1))
    let lost = max(0, expected - receivedSinceReport)
    let fraction = expected > 0 ? UInt8(min(255, lost * 256 / expected)) : 0
    highestAtReport = highest
    receivedSinceReport = 0
    let last = reports.last
    let block = ReportBlock(
      ssrc: ssrc, fractionLost: fraction, cumulativeLost: Int32(lost),
      highestSequenceNumber: UInt32(truncatingIfNeeded: highest), jitter: 48,
      lastSenderReport: last?.ntpTime.middle ?? 0,
      delaySinceLastSenderReport: NTPShortDuration(
        lastReportAt.map { now - $0 } ?? .zero))
    var bytes: [UInt8] = []
    ReceiverReport(ssrc: 7, reports: [block]).append(to: &bytes)
    ReceiverReferenceTime(ssrc: 7, ntpTime: NTPTime(now + .seconds(1_000))).append(to: &bytes)
    outgoing.append(feedback.seal(bytes))
  }

  // MARK: Datagrams

  mutating func receive(_ bytes: [UInt8], now: HostTime) {
    guard !isGone else { return }
    switch unsafe DatagramKind(of: bytes.span.bytes) {
    case .stun: receiveSTUN(bytes, now: now)
    case .dtls: receiveHandshake(bytes, now: now)
    case .rtp: receiveMedia(bytes, now: now)
    case .rtcp: receiveReports(bytes, now: now)
    case .unknown: mistakes.append("a datagram of no known kind")
    }
  }

  private mutating func receiveSTUN(_ bytes: [UInt8], now: HostTime) {
    guard let message = try? unsafe STUNMessage(parsing: bytes.span.bytes) else {
      mistakes.append("a STUN message that cannot be read")
      return
    }
    switch message.kind {
    case .success:
      let isValid = unsafe message.hasValidIntegrity(
        in: bytes.span.bytes, key: credentials.localPassword, authenticate: testAuthenticator)
      if !isValid { mistakes.append("an answer without integrity") }
      isConnected = true
    case .request:
      guard behaviour.answersQuestions else { return }
      let isValid = unsafe message.hasValidIntegrity(
        in: bytes.span.bytes, key: credentials.remotePassword, authenticate: testAuthenticator)
      if !isValid { mistakes.append("a question without integrity") }
      guard let address = IPAddress(bytes: [192, 0, 2, 1]) else { return }
      outgoing.append(
        STUNMessage.success(to: message, from: IPEndpoint(address: address, port: 1))
          .bytes(key: credentials.remotePassword, authenticate: testAuthenticator))
    case .indication, .error: mistakes.append("a STUN message nobody wants")
    }
  }

  private mutating func receiveHandshake(_ bytes: [UInt8], now: HostTime) {
    if bytes[..<2] == [22, 2] { outgoing.append(HandshakeStep.clientFlight) }
    if bytes[..<2] == [22, 4], nextReport == nil { nextReport = now + .milliseconds(500) }
    if bytes[..<2] == [21, 6] { isFinished = true }
  }

  private mutating func receiveMedia(_ bytes: [UInt8], now: HostTime) {
    guard let header = try? unsafe RTPHeader(parsingProtected: bytes.span.bytes) else {
      mistakes.append("media that cannot be read")
      return
    }
    let index = guess(header.sequenceNumber)
    guard let clear = RecordingProtector.open(bytes, index: index) else {
      forged += 1
      return
    }
    if let earlier = ciphertexts[index] {
      if earlier != bytes { mistakes.append("index \(index) came with different bytes") }
      replays += 1
      return
    }
    ciphertexts[index] = bytes
    note(index, now: now)
    lastMediaAt = now
    packets += 1
    receivedSinceReport += 1
    take(clear, header, now: now)
  }

  private func guess(_ sequenceNumber: UInt16) -> UInt64 {
    guard let highest else { return UInt64(sequenceNumber) }
    let step = Int16(bitPattern: sequenceNumber &- UInt16(truncatingIfNeeded: highest))
    return UInt64(max(0, Int64(highest) + Int64(step)))
  }

  private mutating func note(_ index: UInt64, now: HostTime) {
    missing[index] = nil
    guard let highest else {
      self.highest = index
      return
    }
    guard index > highest else { return }
    if index - highest < 100 {
      for lost in (highest + 1)..<max(highest + 1, index) { missing[lost] = (0, now) }
    }
    self.highest = index
  }

  private mutating func take(_ clear: [UInt8], _ header: RTPHeader, now: HostTime) {
    guard header.payloadType == Self.redundant else {
      hear(Array(clear[header.payloadRange.lowerBound...]), timestamp: header.timestamp, now: now)
      return
    }
    guard behaviour.understandsRedundancy else {
      mistakes.append("redundancy nobody agreed on")
      return
    }
    var place = header.payloadRange.lowerBound
    var blocks: [(timestamp: UInt32, count: Int)] = []
    while clear[place] & 0x80 != 0 {
      let word = clear[place..<place + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      blocks.append((header.timestamp &- word >> 10 & 0x3fff, Int(word & 0x3ff)))
      place += 4
    }
    place += 1
    blocks.append((header.timestamp, clear.count - place - blocks.reduce(0) { $0 + $1.count }))
    for block in blocks {
      hear(Array(clear[place..<place + block.count]), timestamp: block.timestamp, now: now)
      place += block.count
    }
  }

  /// A frame's payload tells its own media time, so that a wrong one is noticed.
  private mutating func hear(_ payload: [UInt8], timestamp: UInt32, now: HostTime) {
    let number = payload.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    if number &* UInt32(packetFrames) != timestamp {
      mistakes.append("a frame at a wrong media time")
    }
    if arrivals[Int(number)] == nil { arrivals[Int(number)] = now }
  }

  private mutating func receiveReports(_ bytes: [UInt8], now: HostTime) {
    guard let items = try? unsafe RTCPCompound.parse(Array(bytes.dropLast(14)).span.bytes) else {
      mistakes.append("a report that cannot be read")
      return
    }
    for item in items {
      switch item {
      case .senderReport(let report):
        reports.append(report)
        lastReportAt = now
      case .delaySinceReference(let echo): echoes.append(echo)
      case .goodbye: sawGoodbye = true
      default: break
      }
    }
  }
}
