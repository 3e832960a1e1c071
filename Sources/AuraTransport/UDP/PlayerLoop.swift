internal import AuraCrypto
internal import AuraHost
package import AuraStream
internal import Synchronization

/// Names a player for as long as its loop runs.
package typealias PlayerID = UInt64

/// A thread that drives players, one or thousands: receives, keeps time, hands over what they hear.
///
/// Per packet of media it does not allocate or lock.
package final class PlayerLoop: @unchecked Sendable {
  // The orders, the wake-up, the lag and the last id are shared. Everything else belongs to the thread
  // once `run` has begun.

  package struct Configuration: Sendable {
    /// Whether media is decrypted, or only counted by its header.
    package var opensMedia = true
    /// Whether to ask for redundancy (RFC 2198).
    package var wantsRED = true
    /// Whether to ask for uncompressed sound first; a server that has none answers Opus.
    package var wantsLinear = false
    /// Whether a datagram has come when the kernel had it, and not when the thread took it: for whoever
    /// measures a server, and not how busy this computer is.
    package var takesKernelTime = false
    /// Of the thread, SCHED_FIFO where permitted; nil for the ordinary scheduler.
    package var realTimePriority: Int32?

    package init() {}
  }

  private enum Order: Sendable {
    case begin(PlayerID, PlayerSeat, PlayerAnswer, any PlayerSink)
    case request(PlayerID, [UInt16])
    case leave(PlayerID)
    case networkChanged
    case stop
  }

  /// A player, from its answer to its end.
  private final class Member {
    let id: PlayerID
    let seat: PlayerSeat
    let sink: any PlayerSink
    var session: PlayerSession<PlayerDTLS>
    var deadline: HostTime?

    init(
      _ id: PlayerID, _ seat: PlayerSeat, _ sink: any PlayerSink,
      session: consuming PlayerSession<PlayerDTLS>
    ) {
      self.id = id
      self.seat = seat
      self.sink = sink
      self.session = session
    }
  }

  /// How often the sessions' deadlines are looked at.
  private static let tick = Duration.milliseconds(10)
  /// Datagrams taken from one socket before the others get their turn.
  private static let turn = 16
  private static let reporting = Duration.seconds(1)
  private static let longestDatagram = 4_096

  private let configuration: Configuration
  private let identity: DTLSIdentity
  private let wakeUp = WakeUp()
  private let orders = Mutex<[Order]>([])
  private let lastID = Atomic<PlayerID>(0)
  private let sharedLag = Mutex(LoopLag())
  private let thread = Mutex<HostThread?>(nil)

  private var poller = Poller()
  private var members: [PlayerID: Member] = [:]
  /// By file descriptor.
  private var byDescriptor: [Member?] = []
  private var lag = LoopLag()
  private var nextTick = HostTime(nanoseconds: 0)
  private var nextReport = HostTime(nanoseconds: 0)
  private var isStopping = false

  /// Starts the thread.
  ///
  /// - Throws: `TransportError` when the system's cryptography fails.
  package init(_ configuration: Configuration) throws(TransportError) {
    self.configuration = configuration
    do {
      identity = try DTLSIdentity()
    } catch {
      throw TransportError(.cannotBind, "Cannot encrypt: \(error).")
    }
    poller.add(wakeUp.fileDescriptor, for: .readable)
    // Not weak: the thread ends by `stop`.
    let started = HostThread(
      name: "aura-play", realTimePriority: configuration.realTimePriority
    ) { self.run() }
    thread.withLock { $0 = started }
  }

  // MARK: Any thread

  /// A place to listen from, with its offer.
  ///
  /// - Parameters:
  ///   - binding: numeric addresses to bind, one for each family.
  ///   - reachable: our addresses, to be told to the server; only a full one needs them.
  /// - Returns: the place; for one player only.
  /// - Throws: `TransportError` when an address cannot be had.
  package func makeSeat(
    binding: [String] = ["0.0.0.0", "::"], reachable: [IPAddress] = []
  ) throws(TransportError) -> PlayerSeat {
    try PlayerSeat(
      identity: identity, binding: binding, reachable: reachable,
      wantsRED: configuration.wantsRED, wantsLinear: configuration.wantsLinear,
      tellsArrivals: configuration.takesKernelTime)
  }

  /// Begins to listen; what happens is told to the sink.
  ///
  /// - Parameters:
  ///   - seat: whose offer was answered; for one player only.
  ///   - answer: the server's.
  ///   - sink: who gets what is heard.
  /// - Returns: the player's name.
  @discardableResult
  package func begin(
    _ seat: PlayerSeat, _ answer: PlayerAnswer, sink: any PlayerSink
  ) -> PlayerID {
    let id = lastID.wrappingAdd(1, ordering: .relaxed).newValue
    submit(.begin(id, seat, answer, sink))
    return id
  }

  /// Asks for packets again: sequence numbers, oldest first.
  package func request(_ lost: [UInt16], for id: PlayerID) { submit(.request(id, lost)) }

  /// Says goodbye for a player; its sink is told the end.
  package func leave(_ id: PlayerID) { submit(.leave(id)) }

  /// Our addresses have changed: every player asks its server at once.
  package func networkChanged() { submit(.networkChanged) }

  /// Says goodbye for everyone and waits for the thread. Call once.
  package func stop() {
    submit(.stop)
    thread.withLock { $0.take() }?.join()
  }

  /// How long what arrived has waited for the thread since the last time this was asked.
  package func takeLag() -> LoopLag {
    sharedLag.withLock { lag in
      defer { lag = LoopLag() }
      return lag
    }
  }

  private func submit(_ order: Order) {
    orders.withLock { $0.append(order) }
    wakeUp.signal()
  }

  // MARK: The thread

  private func run() {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.longestDatagram, alignment: 16)
    defer { unsafe buffer.deallocate() }
    while !isStopping {
      let before = HostClock.now
      let events = poller.wait(timeout: Self.tick)
      let awake = HostClock.now
      for event in events {
        if event.descriptor == wakeUp.fileDescriptor {
          takeOrders()
        } else {
          unsafe receive(from: event.descriptor, into: buffer)
        }
      }
      let now = HostClock.now
      if now >= nextTick { keepTime(now: now) }
      lag.note(
        waited: awake - before, worked: HostClock.now - awake,
        overslept: events.isEmpty ? awake - before - Self.tick : .zero)
    }
    let now = HostClock.now
    for member in members.values {
      member.session.close()
      follow(member, now: now)
    }
  }

  /// Takes one datagram; if there are more, the poller says so again. A thread that is behind takes several:
  /// what one player's needs is then at hand.
  private func receive(from socket: Int32, into buffer: UnsafeMutableRawBufferPointer) {
    guard let member = byDescriptor[Int(socket)] else { return }
    for _ in 0..<Self.turn {
      guard
        let (byteCount, path, waited) = unsafe DatagramSocket.receive(from: socket, into: buffer)
      else { return }
      let datagram = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<byteCount])
      unsafe take(datagram, from: path.remote, waited: waited, for: member)
      guard waited >= Self.tick else { return }
    }
  }

  private func take(
    _ datagram: UnsafeMutableRawBufferPointer, from remote: Endpoint, waited: Duration,
    for member: Member
  ) {
    let now = HostClock.now
    let header = unsafe member.session.receive(datagram, from: remote, now: now)
    if let header {
      let payload = unsafe UnsafeRawBufferPointer(rebasing: datagram[header.payloadRange])
      // Only the sink is told when it came: a session whose thread is behind has heard nothing for no longer
      // than since now, or it would ask after its server the more, the less time there is.
      unsafe member.sink.playerHeard(header, payload, now: now - waited)
    }
    if header == nil || member.session.hasOutput { follow(member, now: now) }
  }

  private func keepTime(now: HostTime) {
    nextTick = now + Self.tick
    for member in members.values {
      guard let deadline = member.deadline, deadline <= now else { continue }
      member.session.timeout(now: now)
      follow(member, now: now)
    }
    guard now >= nextReport else { return }
    nextReport = now + Self.reporting
    for member in members.values { member.sink.playerReported(member.session.facts, now: now) }
    let lag = self.lag
    self.lag = LoopLag()
    sharedLag.withLock { $0.add(lag) }
  }

  private func takeOrders() {
    wakeUp.drain()
    let now = HostClock.now
    let orders = self.orders.withLock { orders in
      defer { orders = [] }
      return orders
    }
    for order in orders {
      switch order {
      case .begin(let id, let seat, let answer, let sink): begin(id, seat, answer, sink, now: now)
      case .request(let id, let lost): with(id, now: now) { $0.session.request(lost, now: now) }
      case .leave(let id): with(id, now: now) { $0.session.close() }
      case .networkChanged:
        for id in members.keys { with(id, now: now) { $0.session.networkChanged(now: now) } }
      case .stop: isStopping = true
      }
    }
  }

  private func with(_ id: PlayerID, now: HostTime, _ body: (Member) -> Void) {
    guard let member = members[id] else { return }
    body(member)
    follow(member, now: now)
  }

  private func begin(
    _ id: PlayerID, _ seat: PlayerSeat, _ answer: PlayerAnswer, _ sink: any PlayerSink,
    now: HostTime
  ) {
    let credentials = SessionCredentials(
      localFragment: seat.userFragment, localPassword: seat.password,
      remoteFragment: Array(answer.userFragment.utf8),
      remotePassword: Array(answer.password.utf8), nonce: Random.integer())
    var parameters = PlayerSession<PlayerDTLS>.Parameters(
      answer, credentials: credentials, ssrc: Random.integer(), cname: Random.letters(16))
    parameters.opensMedia = configuration.opensMedia
    let identity = identity
    let session = PlayerSession<PlayerDTLS>(
      parameters, now: now,
      authenticate: { HMACSHA1.authenticate(key: $0, message: $1) },
      makeDTLS: { try? PlayerDTLS(identity: identity, answer: answer, now: $0) })
    let member = Member(id, seat, sink, session: session)
    members[id] = member
    for descriptor in seat.fileDescriptors {
      while byDescriptor.count <= Int(descriptor) { byDescriptor.append(nil) }
      byDescriptor[Int(descriptor)] = member
      poller.add(descriptor, for: .readable)
    }
    member.session.timeout(now: now)
    follow(member, now: now)
  }

  /// Does what a session wants done.
  private func follow(_ member: Member, now: HostTime) {
    while let output = member.session.nextOutput() {
      switch output {
      case .send(let bytes, let remote): member.seat.send(bytes, to: remote)
      case .started: member.sink.playerStarted(now: now)
      case .liveness(let liveness): member.sink.playerDoubts(liveness, now: now)
      case .told(let clock, let echo): member.sink.playerTold(clock, echo: echo)
      case .closed(let end): forget(member, end, now: now)
      }
    }
    member.deadline = member.session.deadline
  }

  private func forget(_ member: Member, _ end: PlayerEnd, now: HostTime) {
    members[member.id] = nil
    for descriptor in member.seat.fileDescriptors {
      byDescriptor[Int(descriptor)] = nil
      poller.remove(descriptor)
    }
    member.sink.playerReported(member.session.facts, now: now)
    member.sink.playerEnded(end, now: now)
  }
}
