import AuraStream
import Testing

/// A server's side and a listener on a wire, in virtual time, a millisecond a step.
final class Simulation {
  let packetFrames: Int
  private(set) var now = HostTime(nanoseconds: 1_000_000_000)
  let start = HostTime(nanoseconds: 1_000_000_000)

  var server: SimulatedServer
  var listener: SimulatedListener
  var wire: SimulatedWire

  init(
    _ behaviour: SimulatedListener.Behaviour = .init(), weather: SimulatedWire.Weather = .init(),
    packetFrames: Int = 480, driftPPM: Double = 0, seed: UInt64 = 1
  ) {
    self.packetFrames = packetFrames
    server = SimulatedServer(
      .init(
        payloadType: SimulatedListener.opus,
        redundantPayloadType: behaviour.understandsRedundancy ? SimulatedListener.redundant : nil,
        answersNACK: behaviour.asksForMissing),
      credentials: Self.credentials, path: Self.path(1), packetFrames: packetFrames,
      driftPPM: driftPPM, now: now)
    listener = SimulatedListener(
      behaviour, credentials: Self.theirCredentials, path: Self.path(1),
      ssrc: SimulatedServer.ssrc, packetFrames: packetFrames)
    wire = SimulatedWire(weather, seed: seed)
  }

  static let credentials = SessionCredentials(
    localFragment: Array("server01".utf8), localPassword: Array("a password of ours".utf8),
    remoteFragment: Array("browser1".utf8), remotePassword: Array("a password of theirs".utf8),
    nonce: 0x1122_3344_5566_7788)

  /// The same, as `SimulatedListener` has always called them: the server's are its local ones.
  private static let theirCredentials = SessionCredentials(
    localFragment: credentials.localFragment, localPassword: credentials.localPassword,
    remoteFragment: credentials.remoteFragment, remotePassword: credentials.remotePassword,
    nonce: 2)

  /// The path from the listener's n-th address.
  static func path(_ number: UInt64) -> NetworkPath {
    NetworkPath(remote: Endpoint(upper: 0, lower: 0xffff_c000_0200 + number, port: 40_000))
  }

  var session: ListenerSession<StubDTLS> {
    _read { yield server.session }
    _modify { yield &server.session }
  }

  var flow: OutgoingFlow? {
    _read { yield server.flow }
    _modify { yield &server.flow }
  }

  var protector: RecordingProtector { server.protector }
  var closed: CloseReason? { server.closed }
  var livenesses: [SenderSignal.Liveness] { server.livenesses }
  var published: Int { server.published }
  var sent: [NetworkPath: Int] { server.sent }
  var lastSentAt: HostTime? { server.lastSentAt }

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
        server.receive(datagram.bytes, along: datagram.path, now: now)
      } else if datagram.path == listener.path {
        listener.receive(datagram.bytes, now: now)
      }
    }
    server.advance(to: now)
    for (bytes, path) in server.takeOutgoing() {
      wire.put(bytes, along: path, toServer: false, now: now)
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
