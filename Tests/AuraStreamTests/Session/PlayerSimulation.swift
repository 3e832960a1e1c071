import AuraStream
import Testing

/// The listener's own session against the real server's session on a wire, in virtual time, a
/// millisecond a step. A server may have several addresses, and the player's may change.
final class PlayerSimulation {
  typealias Player = PlayerSession<StubPlayerDTLS>

  private(set) var now = HostTime(nanoseconds: 1_000_000_000)
  let start = HostTime(nanoseconds: 1_000_000_000)

  var server: SimulatedServer
  var player: Player
  var wire: SimulatedWire
  /// Where the player is now.
  var address = PlayerSimulation.path(1)
  /// The server's addresses that lead to it.
  var reachable: Set<Endpoint>
  /// What becomes of what the server sends.
  var serverFilter: ([UInt8]) -> Bool = { _ in true }
  /// Whether the player asks again for what it misses.
  var asksForMissing = true
  private(set) var startedAt: HostTime?
  private(set) var closed: PlayerEnd?
  private(set) var livenesses: [SenderSignal.Liveness] = []
  private(set) var told: [(clock: PlayerFacts.SenderClock, echo: DelaySinceReference.Report?)] = []
  /// When each packet of media came, in order.
  private(set) var arrivals: [HostTime] = []
  private(set) var mistakes: [String] = []
  private(set) var payloadTypes: Set<UInt8> = []
  private var missing: [UInt16: HostTime] = [:]
  private var expected: UInt16?

  static let serverAddresses = (1...2 as ClosedRange<UInt64>).map {
    Endpoint(upper: 0, lower: 0xffff_c633_6400 + $0, port: 5_555)
  }

  static func path(_ number: UInt64) -> NetworkPath { Simulation.path(number) }

  /// - Parameters:
  ///   - weather: what the wire does.
  ///   - addresses: how many of the server's addresses are in its answer, the best first.
  ///   - understandsRedundancy: whether RED is agreed on.
  ///   - seed: of the wire.
  ///   - change: something else in what was agreed on.
  init(
    weather: SimulatedWire.Weather = .init(), addresses: Int = 1,
    understandsRedundancy: Bool = true,
    seed: UInt64 = 1, change: (inout Player.Parameters) -> Void = { _ in }
  ) {
    let endpoints = Self.serverAddresses[..<addresses]
    reachable = Set(endpoints)
    server = Self.makeServer(understandsRedundancy, now: now)
    var parameters = Self.parameters(endpoints)
    if !understandsRedundancy { parameters.redundantPayloadType = nil }
    change(&parameters)
    player = Player(
      parameters, now: now, authenticate: testAuthenticator, makeDTLS: { StubPlayerDTLS(now: $0) })
    wire = SimulatedWire(weather, seed: seed)
  }

  private static func makeServer(_ redundancy: Bool, now: HostTime) -> SimulatedServer {
    SimulatedServer(
      .init(payloadType: 111, redundantPayloadType: redundancy ? 63 : nil, answersNACK: true),
      credentials: Simulation.credentials, path: path(1), packetFrames: 480, now: now)
  }

  static func parameters(_ endpoints: some Sequence<Endpoint>) -> Player.Parameters {
    let server = Simulation.credentials
    let text = """
      v=0
      m=audio 9 UDP/TLS/RTP/SAVPF 111 63
      a=sendonly
      a=rtcp-mux
      a=rtcp-rsize
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
    guard let answer = try? PlayerAnswer(parsing: text) else { preconditionFailure("an answer") }
    var parameters = Player.Parameters(
      answer,
      credentials: SessionCredentials(
        localFragment: server.remoteFragment, localPassword: server.remotePassword,
        remoteFragment: server.localFragment, remotePassword: server.localPassword, nonce: 99),
      ssrc: 7, cname: "player")
    parameters.candidates = ICECandidate.hosts(
      endpoints.compactMap { endpoint in
        IPAddress(bytes: endpoint.addressBytes).map {
          IPEndpoint(address: $0, port: endpoint.port)
        }
      })
    return parameters
  }

  func run(for duration: Duration) {
    let end = now + duration
    while now < end {
      now = now + .milliseconds(1)
      step()
    }
  }

  /// A new server at the same place, that knows nobody.
  func restartServer() {
    let other = SessionCredentials(
      localFragment: [1], localPassword: [2], remoteFragment: [3], remotePassword: [4], nonce: 5)
    server = SimulatedServer(
      server.abilities, credentials: other, path: Self.path(1), packetFrames: 480, now: now)
  }

  private func step() {
    if let deadline = player.deadline, now >= deadline { player.timeout(now: now) }
    for datagram in wire.take(now: now) {
      if datagram.isToServer {
        if reachable.contains(datagram.path.local) {
          server.receive(datagram.bytes, along: datagram.path, now: now)
        }
      } else if datagram.path.remote == address.remote, reachable.contains(datagram.path.local) {
        hear(datagram.bytes, from: datagram.path.local)
      }
    }
    repair()
    follow()
    server.advance(to: now)
    for (bytes, path) in server.takeOutgoing() where serverFilter(bytes) {
      wire.put(bytes, along: path, toServer: false, now: now)
    }
  }

  func follow() {
    while let output = player.nextOutput() {
      if closed != nil { mistakes.append("something follows the end") }
      switch output {
      case .send(let bytes, let remote):
        wire.put(
          bytes, along: NetworkPath(remote: address.remote, local: remote), toServer: true, now: now
        )
      case .started(let keys):
        if keys != 42 { mistakes.append("other keys") }
        startedAt = now
      case .liveness(let liveness): livenesses.append(liveness)
      case .told(let clock, let echo): told.append((clock, echo))
      case .closed(let end): closed = end
      }
    }
  }

  func hear(_ bytes: [UInt8], from remote: Endpoint) {
    var bytes = bytes
    unsafe bytes.withUnsafeMutableBytes { buffer in
      guard let header = unsafe player.receive(buffer, from: remote, now: now) else { return }
      arrivals.append(now)
      payloadTypes.insert(header.payloadType)
      note(header.sequenceNumber)
      guard player.parameters.opensMedia, header.payloadType == 111 else { return }
      // A frame's payload tells its own media time.
      let number = unsafe UnsafeRawBufferPointer(buffer).bytes.uint32(
        at: header.payloadRange.lowerBound)
      if number &* 480 != header.timestamp { mistakes.append("a frame at a wrong media time") }
    }
  }

  private func note(_ number: UInt16) {
    missing[number] = nil
    guard let expected else {
      self.expected = number &+ 1
      return
    }
    let gap = Int16(bitPattern: number &- expected)
    guard gap >= 0 else { return }
    if gap < 100 { for lost in 0..<UInt16(gap) { missing[expected &+ lost] = now } }
    self.expected = number &+ 1
  }

  private func repair() {
    guard asksForMissing else { return }
    missing = missing.filter { now - $0.value < .milliseconds(300) }
    guard now.nanoseconds / 1_000_000 % 40 == 0, !missing.isEmpty else { return }
    player.request(missing.keys.sorted { Int16(bitPattern: $0 &- $1) < 0 }, now: now)
  }

  /// Packets that came between two times of the simulation.
  func packets(from first: Duration, to last: Duration) -> Int {
    arrivals.count { $0 - start >= first && $0 - start < last }
  }
}
