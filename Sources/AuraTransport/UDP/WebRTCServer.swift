internal import AuraCrypto
internal import AuraHost
package import AuraStream
internal import Glibc
internal import Synchronization

/// Sends one broadcast to every WebRTC listener: browsers, and any other WHEP player.
///
/// One UDP port for all. A network thread receives and owns joins and timers; sender shards own
/// what goes out, each with sockets and listeners of its own. The media thread hands over encoded
/// frames and goes on. Who waits for whom: nobody.
package final class WebRTCServer: Sendable {
  package struct Configuration: Sendable {
    /// Numeric addresses to listen on; empty means every address, IPv6 and IPv4.
    package var addresses: [String]
    /// 0 for any.
    package var port: Int
    /// Listeners at once; 0 is without limit.
    package var maxListeners: Int
    /// The duration of a packet.
    package var packetDuration: Duration
    /// The length of a packet's payload as a rule, in bytes; sizes histories.
    package var typicalPayloadBytes: Int
    /// The addresses to offer, the best first; asked at a join, and at most once a second.
    package var reachableAddresses: @Sendable () -> [IPAddress]
    /// Whether an address, 4 or 16 bytes in network order, may listen.
    package var mayListen: @Sendable ([UInt8]) -> Bool
    /// Sender threads; nil for `usualShards`.
    package var shards: Int?

    package init(
      addresses: [String], port: Int, maxListeners: Int, packetDuration: Duration,
      typicalPayloadBytes: Int,
      reachableAddresses: @escaping @Sendable () -> [IPAddress] = {
        NetworkInterfaces.current().usableAddresses
      },
      mayListen: @escaping @Sendable ([UInt8]) -> Bool, shards: Int? = nil
    ) {
      self.addresses = addresses
      self.port = port
      self.maxListeners = maxListeners
      self.packetDuration = packetDuration
      self.typicalPayloadBytes = typicalPayloadBytes
      self.reachableAddresses = reachableAddresses
      self.mayListen = mayListen
      self.shards = shards
    }
  }

  /// Something that happened to a listener; told on the network thread.
  package enum Event: Equatable, Sendable {
    /// It hears.
    case connected(id: String, address: String, listeners: Int)
    /// It went by itself.
    case left(id: String, address: String, listeners: Int)
    /// We ended it.
    case closed(id: String, address: String, listeners: Int, reason: String)
    /// It wanted to join and did not come to hear.
    case failed(id: String, address: String, reason: String)
  }

  /// A join that was accepted.
  package struct Accepted: Equatable, Sendable {
    /// The answer, as SDP.
    package var answer: String
    /// Names the listener; cannot be guessed.
    package var id: String
  }

  /// Why nobody joins.
  package enum Refusal: Error, Equatable, Sendable {
    /// The offer cannot be answered: a sentence for whoever made it.
    case badOffer(String)
    /// There are as many listeners as the host wants.
    case full
    /// Too many are joining; worth another try after so many seconds.
    case busy(retryAfter: Int)
  }

  /// Sender threads where nobody says how many: as many as there are processors, at most four.
  package static var usualShards: Int { min(4, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// The UDP port; of interest after asking for port 0.
  package let port: Int

  private let configuration: Configuration
  private let ownFingerprint: CertificateFingerprint
  /// The addresses to offer, and when they were asked for.
  private let reachable = Mutex<(addresses: [IPAddress], at: HostTime?)>(([], nil))
  private let shared: WebRTCShared
  private let shards: [SenderShard]
  private let threads: [HostThread]
  /// What the RTP timestamps of the broadcast count, the same for all listeners.
  package let clock: PacketClock

  /// Binds the addresses and starts the threads.
  ///
  /// - Throws: `TransportError` when an address or the port cannot be had, or the system's
  ///   cryptography fails.
  package init(
    _ configuration: Configuration, onEvent: @escaping @Sendable (Event) -> Void
  ) throws(TransportError) {
    self.configuration = configuration
    let identity: DTLSIdentity
    do {
      identity = try DTLSIdentity()
    } catch {
      throw TransportError(.cannotBind, "Cannot encrypt: \(error).")
    }
    ownFingerprint = identity.fingerprint
    let sockets = try ReceivingSockets(configuration.addresses, port: configuration.port)
    port = sockets.places.first?.port ?? configuration.port
    let count = configuration.shards ?? Self.usualShards
    var shards: [SenderShard] = []
    for _ in 0..<count { shards.append(try SenderShard(sockets.places)) }
    self.shards = shards
    shared = WebRTCShared(mostListeners: configuration.maxListeners, now: HostClock.now)
    clock = PacketClock(offset: Random.integer())
    let network = NetworkLoop(
      configuration, identity: identity, sockets: sockets, shards: shards, shared: shared,
      onEvent: onEvent)
    threads =
      shards.enumerated().map { index, shard in
        HostThread(name: "aura-send-\(index)", realTimePriority: 10) { shard.run() }
      } + [HostThread(name: "aura-udp") { network.run() }]
  }

  // MARK: Listeners

  /// Answers an offer. Any thread; never waits for the network.
  ///
  /// - Parameters:
  ///   - sdp: the offer.
  ///   - name: the broadcast's, for people.
  ///   - source: who asks, such as an address: unfinished joins are bounded for each.
  ///   - start: which packets it is sent first.
  /// - Returns: the answer, or why there is none.
  package func offer(
    _ sdp: String, name: String, from source: String, start: PacketStart = .newest
  ) -> Result<Accepted, Refusal> {
    let offer: SessionOffer
    do throws(SDPError) {
      offer = try SessionOffer(parsing: sdp)
    } catch {
      return .failure(refuse(error))
    }
    guard let fingerprint = offer.fingerprint else { return .failure(refuse(.noFingerprint)) }
    switch shared.admission.withLock({ $0.admit(source, now: HostClock.now) }) {
    case .admitted: break
    case .full: return .failure(.full)
    case .busy(let seconds): return .failure(.busy(retryAfter: seconds))
    }
    let join = Join(
      offer, fingerprint: fingerprint, source: source, start: start, configuration: configuration)
    let answer = join.answer(
      to: offer, name: name, endpoints: reachableEndpoints, fingerprint: ownFingerprint)
    shared.submit(.join(join))
    return .success(Accepted(answer: answer, id: join.name))
  }

  private func refuse(_ error: SDPError) -> Refusal {
    shared.refusedOffers.wrappingAdd(1, ordering: .relaxed)
    return .badOffer(error.description)
  }

  /// Ends a listener. Any thread.
  ///
  /// - Returns: whether there was one of that name.
  package func remove(_ id: String) -> Bool {
    let isKnown = shared.reports.withLock { $0.removeValue(forKey: id) != nil }
    if isKnown { shared.submit(.leave(name: id)) }
    return isKnown
  }

  /// Whether somebody of that name has joined, or is joining, and has not gone. Any thread.
  package func isKnown(_ id: String) -> Bool { shared.reports.withLock { $0[id] != nil } }

  /// Takes what a listener says of itself. Any thread.
  ///
  /// - Parameters:
  ///   - report: what it says.
  ///   - id: its name.
  ///   - delay: when it is to hear, after the capture, now; nil in live mode.
  /// - Returns: whether there is one of that name.
  package func take(_ report: ListenerReport, from id: String, delay: Duration?) -> Bool {
    let hold: (isKnown: Bool, changed: Duration?) = shared.reports.withLock { reports in
      guard var told = reports[id] else { return (false, nil) }
      var before: Duration? = told.hold.hold
      if told.isSilent {
        // From now on its own word counts, from where the plan has led it.
        told.isSilent = false
        told.hold.follow(delay.map(PacketStart.hold) ?? .zero)
        before = nil
      }
      told.report = report
      told.hold.take(report, delay: delay, now: HostClock.now)
      reports[id] = told
      return (true, told.hold.hold == before ? nil : told.hold.hold)
    }
    if let changed = hold.changed { shared.submit(.hold(name: id, changed)) }
    return hold.isKnown
  }

  /// A listener is told that it hears later than everyone, by how much. Any thread.
  ///
  /// - Returns: whether that makes another number of them.
  package func note(late: Duration, of id: String) -> Bool {
    shared.reports.withLock { $0[id]?.lateness.note(late) ?? false }
  }

  /// By how much those hear later than everyone who do. Any thread.
  package var lateness: [Duration] {
    shared.reports.withLock { $0.values.compactMap { $0.lateness.told } }
  }

  /// How late those hear who have told. Any thread.
  package var delays: [Duration] {
    shared.reports.withLock { $0.values.compactMap { $0.report.delay } }
  }

  /// The least delays that would do for those listeners who have told. Any thread.
  package var needs: [Duration] {
    shared.reports.withLock { $0.values.compactMap(\.hold.needed) }
  }

  /// The least delay that would do for one listener; nil where it has not told. Any thread.
  package func need(of id: String) -> Duration? {
    shared.reports.withLock { $0[id]?.hold.needed }
  }

  /// Media thread: whether anybody listens to uncompressed sound of this coding.
  package func hasListeners(to linear: LinearAudio) -> Bool {
    shared.linearListeners(to: linear) > 0
  }

  private var reachableEndpoints: [IPEndpoint] {
    let bound = configuration.addresses.compactMap { IPAddress($0) }
    let isEverywhere = bound.isEmpty || bound.contains(where: \.isUnspecified)
    let addresses = isEverywhere ? reachableAddresses(now: HostClock.now) : bound
    return addresses.map { IPEndpoint(address: $0, port: UInt16(port)) }
  }

  /// Asked for once a second at most: a hall that fills asks the system for the same hundreds of times.
  private func reachableAddresses(now: HostTime) -> [IPAddress] {
    reachable.withLock { reachable in
      if let at = reachable.at, now - at < .seconds(1) { return reachable.addresses }
      reachable = (configuration.reachableAddresses(), now)
      return reachable.addresses
    }
  }

  // MARK: Media

  /// Media thread: sends one encoded frame to everyone who listens that way; never waits.
  ///
  /// - Parameters:
  ///   - payload: one encoded frame; one that is too long for a datagram is dropped and counted.
  ///   - packet: its place; the capture instant must be the fitted timeline's, for sender reports
  ///     are computed from it.
  ///   - plan: when frames are to be heard.
  ///   - linear: how it is coded where it is uncompressed; nil for Opus.
  package func publish(
    _ payload: Span<UInt8>, _ packet: PacketMaker.Packet, _ plan: PresentationPlan,
    as linear: LinearAudio? = nil
  ) {
    let frame = EncodedFrame(
      timestamp: clock.timestamp(of: packet.start), capturedAt: packet.capturedAt,
      marker: packet.isMarked, byteCount: payload.count, linear: linear,
      notice: PresentationNotice(plan, at: packet.start, clock: clock))
    for shard in shards { shard.publish(payload, frame) }
  }

  // MARK: Numbers

  /// How things stand; at most half a second old.
  package var statistics: WebRTCStatistics {
    var statistics = shared.statistics.withLock { $0 }
    var senders: [ListenerID: SenderNumbers] = [:]
    for shard in shards {
      let numbers = shard.numbers
      for listener in numbers.listeners { senders[listener.id] = listener }
      statistics.overflowedFrames += shard.frames.dropped
      statistics.dropped += numbers.dropped + shard.frames.dropped
      statistics.bytesSent += numbers.bytes
      if let delay = numbers.delay {
        statistics.sendDelay = max(delay, statistics.sendDelay ?? .zero)
      }
    }
    (statistics.refusedFull, statistics.refusedBusy) = shared.admission.withLock {
      ($0.refusedFull, $0.refusedBusy)
    }
    statistics.refusedOffers = shared.refusedOffers.load(ordering: .relaxed)
    let reports = shared.reports.withLock { $0 }
    for index in statistics.listeners.indices {
      if let numbers = senders[statistics.listeners[index].number] {
        statistics.listeners[index].add(numbers)
      }
      statistics.listeners[index].report = reports[statistics.listeners[index].id]?.report
    }
    return statistics
  }

  /// Says goodbye to everyone and waits for the threads. Call once.
  package func stop() {
    shared.submit(.stop)
    for shard in shards { shard.stop() }
    for thread in threads { thread.join() }
  }
}

extension Random {
  /// A number nobody can foretell.
  static func integer<Number: FixedWidthInteger>() -> Number {
    bytes(Number.bitWidth / 8).reduce(0) { $0 << 8 | Number($1) }
  }
}
