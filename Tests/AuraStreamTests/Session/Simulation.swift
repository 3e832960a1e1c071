import AuraStream
import Testing

/// A server's side and a listener on a wire, in virtual time, a millisecond a step.
final class Simulation {
  static let serverSSRC: UInt32 = 0x1234_5678
  static let frameBytes = 160

  let packetFrames: Int
  /// How much faster the sound card runs than the clock, in millionths.
  let driftPPM: Double
  private(set) var now = HostTime(nanoseconds: 1_000_000_000)
  let start = HostTime(nanoseconds: 1_000_000_000)

  var session: ListenerSession<StubDTLS>
  var flow: OutgoingFlow?
  var listener: SimulatedListener
  var wire: SimulatedWire
  private(set) var protector = RecordingProtector()
  private(set) var closed: CloseReason?
  private(set) var livenesses: [SenderSignal.Liveness] = []
  private(set) var published = 0
  /// Media datagrams that were put on the wire, by path.
  private(set) var sent: [NetworkPath: Int] = [:]
  private(set) var lastSentAt: HostTime?
  private var forms = FrameForms()
  private var path: NetworkPath
  private var feedback = StubFeedback()
  private var capturedAt = HostTime(nanoseconds: 1_000_000_000)

  init(
    _ behaviour: SimulatedListener.Behaviour = .init(), weather: SimulatedWire.Weather = .init(),
    packetFrames: Int = 480, driftPPM: Double = 0, seed: UInt64 = 1
  ) {
    self.packetFrames = packetFrames
    self.driftPPM = driftPPM
    path = Self.path(1)
    let ours = Self.credentials
    let theirs = SessionCredentials(
      localFragment: ours.localFragment, localPassword: ours.localPassword,
      remoteFragment: ours.remoteFragment, remotePassword: ours.remotePassword, nonce: 2)
    session = ListenerSession(
      ours, ssrc: Self.serverSSRC, now: now, authenticate: testAuthenticator,
      makeDTLS: { StubDTLS() })
    listener = SimulatedListener(
      behaviour, credentials: theirs, path: Self.path(1), ssrc: Self.serverSSRC,
      packetFrames: packetFrames)
    wire = SimulatedWire(weather, seed: seed)
  }

  static let credentials = SessionCredentials(
    localFragment: Array("server01".utf8), localPassword: Array("a password of ours".utf8),
    remoteFragment: Array("browser1".utf8), remotePassword: Array("a password of theirs".utf8),
    nonce: 0x1122_3344_5566_7788)

  /// The path from the listener's n-th address.
  static func path(_ number: UInt64) -> NetworkPath {
    NetworkPath(remote: Endpoint(upper: 0, lower: 0xffff_c000_0200 + number, port: 40_000))
  }

  var elapsed: Duration { now - start }

  func run(for duration: Duration) {
    let end = now + duration
    while now < end {
      now = now + .milliseconds(1)
      step()
    }
  }

  private func step() {
    listener.advance(to: now)
    for bytes in listener.takeOutgoing() {
      wire.put(bytes, along: listener.path, toServer: true, now: now)
    }
    for datagram in wire.take(now: now) {
      if datagram.isToServer {
        unsafe session.receive(datagram.bytes.span.bytes, along: datagram.path, now: now)
        follow()
      } else if datagram.path == listener.path {
        listener.receive(datagram.bytes, now: now)
      }
    }
    if let deadline = session.deadline, now >= deadline {
      session.timeout(now: now)
      follow()
    }
    publishDueFrames()
  }

  private func follow() {
    while let output = session.nextOutput() {
      switch output {
      case .send(let bytes, let path): wire.put(bytes, along: path, toServer: false, now: now)
      case .learned, .forgotten: break
      case .started(let keys, let path):
        #expect(keys == 42)
        self.path = path
        flow = OutgoingFlow(
          .init(
            ssrc: Self.serverSSRC, payloadType: SimulatedListener.opus,
            redundantPayloadType: listener.behaviour.understandsRedundancy
              ? SimulatedListener.redundant : nil,
            answersNACK: listener.behaviour.asksForMissing, firstSequenceNumber: 0x7ff0,
            cname: "server", packetDuration: .frames(packetFrames),
            typicalPayloadBytes: Self.frameBytes),
          now: now)
      case .signal(let signal): take(signal)
      case .closed(let reason): closed = reason
      }
    }
  }

  private func take(_ signal: SenderSignal) {
    switch signal {
    case .moved(let path): self.path = path
    case .liveness(let liveness): livenesses.append(liveness)
    case .missing(let first, let following):
      for distance in 0...16 where distance == 0 || following & 1 << (distance - 1) != 0 {
        if let packet = unsafe flow?.packetAgain(first &+ UInt16(distance), now: now) {
          unsafe send(Array(packet))
        }
      }
    case .reported(let fraction, let roundTrip):
      flow?.didReport(fractionLost: fraction, roundTrip: roundTrip, now: now)
    case .asked(let ssrc, let middle, let at): flow?.didAsk(ssrc: ssrc, middle: middle, at: at)
    }
  }

  private func send(_ bytes: [UInt8]) {
    sent[path, default: 0] += 1
    lastSentAt = now
    wire.put(bytes, along: path, toServer: false, now: now)
  }

  /// A frame is published when its last sample has been captured.
  private func publishDueFrames() {
    let duration = Duration.frames(packetFrames) * (1 / (1 + driftPPM / 1e6))
    while capturedAt + duration <= now {
      publish()
      capturedAt = capturedAt + duration
    }
  }

  private func publish() {
    defer { published += 1 }
    var payload: [UInt8] = []
    payload.append(bigEndian: UInt32(published))
    payload += Array(repeating: UInt8(truncatingIfNeeded: published), count: Self.frameBytes - 4)
    let timestamp = UInt32(truncatingIfNeeded: published * packetFrames)
    let isTaken = unsafe payload.withUnsafeBytes { unsafe forms.take($0, timestamp: timestamp) }
    #expect(isTaken)
    guard flow != nil, session.facts.liveness != .silent, closed == nil else { return }
    sendFrame(timestamp)
  }

  private func sendFrame(_ timestamp: UInt32) {
    guard let older = flow?.repair.olderFrames else { return }
    let form = unsafe forms.payload(olderFrames: older, payloadType: SimulatedListener.opus)
    if let draft = unsafe flow?.draft(
      payload: form.bytes, isRedundant: form.isRedundant, timestamp: timestamp, marker: false)
    {
      let count = unsafe protector.protect(
        draft.bytes, length: draft.byteCount, index: draft.index)
      if let packet = unsafe flow?.commit(draft, byteCount: count, now: now) {
        unsafe send(Array(packet))
      }
    }
    if let copy = unsafe flow?.secondCopy() { unsafe send(Array(copy)) }
    if flow?.isReportDue(now: now) == true {
      var bytes: [UInt8] = []
      flow?.appendReport(timestamp: timestamp, at: capturedAt, now: now, to: &bytes)
      wire.put(feedback.seal(bytes), along: path, toServer: false, now: now)
    }
  }

  /// The fraction of frames, captured between two times of the simulation, that did not reach the
  /// listener before they had to be played.
  func concealed(from first: Duration, to last: Duration) -> Double {
    let duration = Duration.frames(packetFrames)
    let frames = Int(first / duration)..<Int(last / duration)
    let late = frames.count { number in
      guard let arrival = listener.arrivals[number] else { return true }
      return arrival > start + duration * number + listener.behaviour.playoutDelay
    }
    return Double(late) / Double(frames.count)
  }
}
