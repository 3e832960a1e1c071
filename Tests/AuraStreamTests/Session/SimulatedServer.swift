import AuraStream
import Testing

/// A server's side of one listener in virtual time: the real session and the real flow, a frame
/// published whenever its last sample has been captured.
struct SimulatedServer: ~Copyable {
  static let ssrc: UInt32 = 0x1234_5678
  static let frameBytes = 160

  /// What the listener agreed on.
  struct Abilities {
    var payloadType: UInt8
    var redundantPayloadType: UInt8?
    var answersNACK: Bool
  }

  var session: ListenerSession<StubDTLS>
  var flow: OutgoingFlow?
  let abilities: Abilities
  let packetFrames: Int
  private(set) var protector = RecordingProtector()
  private(set) var closed: CloseReason?
  private(set) var livenesses: [SenderSignal.Liveness] = []
  private(set) var published = 0
  /// Media datagrams that were put on the wire, by path.
  private(set) var sent: [NetworkPath: Int] = [:]
  private(set) var lastSentAt: HostTime?
  private(set) var outgoing: [(bytes: [UInt8], path: NetworkPath)] = []
  private let frameDuration: Duration
  private var forms = FrameForms()
  private let notice = PresentationNotice(
    PresentationPlan(mode: .film, first: .milliseconds(250)), timestamp: 0)
  private var path: NetworkPath
  private var feedback = StubFeedback()
  private var capturedAt: HostTime

  /// - Parameters:
  ///   - abilities: what the listener agreed on.
  ///   - credentials: as the server sees them.
  ///   - path: where media goes before the listener has told.
  ///   - packetFrames: a packet's sound.
  ///   - driftPPM: how much faster the sound card runs than the clock, in millionths.
  ///   - now: the present.
  init(
    _ abilities: Abilities, credentials: SessionCredentials, path: NetworkPath,
    packetFrames: Int, driftPPM: Double = 0, now: HostTime
  ) {
    self.abilities = abilities
    self.packetFrames = packetFrames
    self.path = path
    capturedAt = now
    frameDuration = .frames(packetFrames) * (1 / (1 + driftPPM / 1e6))
    session = ListenerSession(
      credentials, ssrc: Self.ssrc, now: now, authenticate: testAuthenticator,
      makeDTLS: { StubDTLS() })
  }

  mutating func takeOutgoing() -> [(bytes: [UInt8], path: NetworkPath)] {
    defer { outgoing = [] }
    return outgoing
  }

  mutating func receive(_ bytes: [UInt8], along path: NetworkPath, now: HostTime) {
    unsafe session.receive(bytes.span.bytes, along: path, now: now)
    follow(now: now)
  }

  mutating func advance(to now: HostTime) {
    if let deadline = session.deadline, now >= deadline {
      session.timeout(now: now)
      follow(now: now)
    }
    while capturedAt + frameDuration <= now {
      publish(now: now)
      capturedAt = capturedAt + frameDuration
    }
  }

  mutating func follow(now: HostTime) {
    while let output = session.nextOutput() {
      switch output {
      case .send(let bytes, let path): outgoing.append((bytes, path))
      case .learned, .forgotten: break
      case .started(let keys, let path):
        #expect(keys == 42)
        self.path = path
        flow = OutgoingFlow(
          .init(
            ssrc: Self.ssrc, payloadType: abilities.payloadType,
            redundantPayloadType: abilities.redundantPayloadType, tellsPlan: true,
            answersNACK: abilities.answersNACK, firstSequenceNumber: 0x7ff0, cname: "server",
            packetDuration: .frames(packetFrames), typicalPayloadBytes: Self.frameBytes),
          now: now)
      case .signal(let signal): take(signal, now: now)
      case .closed(let reason): closed = reason
      }
    }
  }

  private mutating func take(_ signal: SenderSignal, now: HostTime) {
    switch signal {
    case .moved(let path): self.path = path
    case .liveness(let liveness): livenesses.append(liveness)
    case .missing(let first, let following):
      for distance in 0...16 where distance == 0 || following & 1 << (distance - 1) != 0 {
        if let packet = unsafe flow?.packetAgain(first &+ UInt16(distance), now: now) {
          unsafe send(Array(packet), now: now)
        }
      }
    case .reported(let fraction, let roundTrip):
      flow?.didReport(fractionLost: fraction, roundTrip: roundTrip, now: now)
    case .asked(let ssrc, let middle, let at): flow?.didAsk(ssrc: ssrc, middle: middle, at: at)
    case .hold: break  // the shard's matter
    }
  }

  private mutating func send(_ bytes: [UInt8], now: HostTime) {
    sent[path, default: 0] += 1
    lastSentAt = now
    outgoing.append((bytes, path))
  }

  /// Tells the listener that nothing more comes.
  mutating func sayGoodbye(now: HostTime) {
    var bytes: [UInt8] = []
    flow?.appendFarewell(timestamp: 0, at: capturedAt, now: now, to: &bytes)
    outgoing.append((feedback.seal(bytes), path))
  }

  private mutating func publish(now: HostTime) {
    defer { published += 1 }
    var payload: [UInt8] = []
    payload.append(bigEndian: UInt32(published))
    payload += Array(repeating: UInt8(truncatingIfNeeded: published), count: Self.frameBytes - 4)
    let timestamp = UInt32(truncatingIfNeeded: published * packetFrames)
    let isTaken = unsafe payload.withUnsafeBytes { unsafe forms.take($0, timestamp: timestamp) }
    #expect(isTaken)
    guard flow != nil, session.facts.liveness != .silent, closed == nil else { return }
    sendFrame(timestamp, now: now)
  }

  private mutating func sendFrame(_ timestamp: UInt32, now: HostTime) {
    guard let older = flow?.repair.olderFrames else { return }
    let form = unsafe forms.payload(olderFrames: older, payloadType: abilities.payloadType)
    if let draft = unsafe flow?.draft(
      payload: form.bytes, isRedundant: form.isRedundant, timestamp: timestamp, marker: false,
      notice: notice)
    {
      let count = unsafe protector.protect(
        draft.bytes, length: draft.byteCount, index: draft.index)
      if let packet = unsafe flow?.commit(draft, byteCount: count, now: now) {
        unsafe send(Array(packet), now: now)
      }
    }
    if let copy = unsafe flow?.secondCopy() { unsafe send(Array(copy), now: now) }
    if flow?.isReportDue(plan: notice.number, now: now) == true {
      var bytes: [UInt8] = []
      flow?.appendReport(
        timestamp: timestamp, at: capturedAt, now: now, notice: notice, to: &bytes)
      outgoing.append((feedback.seal(bytes), path))
    }
  }
}
