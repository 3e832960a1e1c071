internal import AuraCrypto
internal import AuraHost
internal import AuraStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// The network thread: receives, answers checks, makes handshakes, keeps time, and tells the shards.
///
/// Everything here belongs to that one thread once `run` has begun.
final class NetworkLoop: @unchecked Sendable {
  typealias Session = ListenerSession<ListenerDTLS>

  /// A listener, from its join to its end.
  final class Member {
    let number: ListenerID
    let join: Join
    var session: Session
    var deadline: HostTime?
    var shard: Int?

    init(_ number: ListenerID, _ join: Join, session: consuming Session) {
      self.number = number
      self.join = join
      self.session = session
      deadline = self.session.deadline
    }
  }

  /// How often the sessions' deadlines are looked at.
  private static let tick = Duration.milliseconds(50)
  private static let reporting = Duration.milliseconds(500)
  /// How often memory that a crowd has left behind is given back; takes a few milliseconds, in which
  /// nobody who sends media allocates.
  private static let tidying = Duration.seconds(20)
  /// The same after a listener has come, so that what many handshakes at once took is not kept.
  private static let tidyingAfterJoins = Duration.seconds(2)
  /// Datagrams taken from one socket before the others get their turn.
  private static let turn = 64
  private static let longestDatagram = 4_096
  /// Handshakes that may begin in a second; each costs most of a millisecond of processor.
  private static let handshakeRate = 600.0

  private let configuration: WebRTCServer.Configuration
  private let identity: DTLSIdentity
  private let sockets: ReceivingSockets
  private let shards: [SenderShard]
  private let shared: WebRTCShared
  private let onEvent: @Sendable (WebRTCServer.Event) -> Void

  private var poller = Poller()
  private var handshakes: TokenBucket
  private var members: [ListenerID: Member] = [:]
  private var byName: [String: Member] = [:]
  private var byFragment: [UInt64: Member] = [:]
  private var byPath: [NetworkPath: Member] = [:]
  private var lastNumber: ListenerID = 0
  private var shardLoads: [Int]
  private var awake: Set<Int> = []
  /// What must not be lost and found its shard's queue full.
  private var waiting: [[ShardSignal]]
  private var numbers = WebRTCStatistics()
  private var dropsOfGone = SessionDrops()
  private var nextTick = HostTime(nanoseconds: 0)
  private var nextReport = HostTime(nanoseconds: 0)
  private var nextTidying = HostTime(nanoseconds: 0)
  private var isStopping = false

  init(
    _ configuration: WebRTCServer.Configuration, identity: DTLSIdentity,
    sockets: ReceivingSockets, shards: [SenderShard], shared: WebRTCShared,
    onEvent: @escaping @Sendable (WebRTCServer.Event) -> Void
  ) {
    self.configuration = configuration
    self.identity = identity
    self.sockets = sockets
    self.shards = shards
    self.shared = shared
    self.onEvent = onEvent
    shardLoads = Array(repeating: 0, count: shards.count)
    waiting = Array(repeating: [], count: shards.count)
    handshakes = TokenBucket(rate: Self.handshakeRate, burst: 100, now: HostClock.now)
    poller.add(shared.wakeUp.fileDescriptor, for: .readable)
    // The kernel spreads what arrives over all sockets of the port.
    for socket in sockets.fileDescriptors + shards.flatMap(\.sockets.fileDescriptors) {
      poller.add(socket, for: .readable)
    }
  }

  // MARK: The loop

  func run() {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.longestDatagram, alignment: 16)
    defer { unsafe buffer.deallocate() }
    while !isStopping {
      let events = poller.wait(timeout: Self.tick)
      for event in events {
        if event.descriptor == shared.wakeUp.fileDescriptor {
          takeOrders()
        } else {
          unsafe receive(from: event.descriptor, into: buffer)
        }
      }
      let now = HostClock.now
      if now >= nextTick { keepTime(now: now) }
      wakeShards()
    }
    for member in members.values { end(member) }
    reportNumbers()
  }

  private func receive(from socket: Int32, into buffer: UnsafeMutableRawBufferPointer) {
    for _ in 0..<Self.turn {
      guard let (byteCount, path, _) = unsafe DatagramSocket.receive(from: socket, into: buffer)
      else { return }
      let datagram = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<byteCount])
      unsafe take(datagram.bytes, along: path, now: HostClock.now)
    }
  }

  private func keepTime(now: HostTime) {
    nextTick = now + Self.tick
    for member in members.values {
      guard let deadline = member.deadline, deadline <= now else { continue }
      member.session.timeout(now: now)
      follow(member, now: now)
    }
    for shard in shards.indices where !waiting[shard].isEmpty {
      let signals = waiting[shard]
      waiting[shard] = []
      for signal in signals { tell(shard, signal, mustArrive: true) }
    }
    if now >= nextReport {
      nextReport = now + Self.reporting
      reportNumbers()
    }
    if now >= nextTidying {
      nextTidying = now + Self.tidying
      aura_give_back_memory()
    }
  }

  // MARK: Orders

  private func takeOrders() {
    let now = HostClock.now
    for order in shared.takeOrders() {
      switch order {
      case .join(let join): begin(join, now: now)
      case .leave(let name):
        if let member = byName[name] {
          end(member)
          follow(member, now: now)
        }
      case .hold(let name, let hold):
        if let member = byName[name] { pass(.hold(hold), to: member) }
      case .stop: isStopping = true
      }
    }
  }

  private func begin(_ join: Join, now: HostTime) {
    lastNumber += 1
    let identity = identity
    let session = Session(
      join.credentials, ssrc: join.parameters.ssrc, now: now,
      authenticate: { HMACSHA1.authenticate(key: $0, message: $1) },
      makeDTLS: {
        try? ListenerDTLS(identity: identity, peer: join.peerFingerprint, now: HostClock.now)
      })
    let member = Member(lastNumber, join, session: session)
    members[member.number] = member
    byName[join.name] = member
    if let key = fragmentKey(join.credentials.localFragment) { byFragment[key] = member }
  }

  private func end(_ member: Member) {
    member.session.close()
    follow(member, now: HostClock.now)
  }

  // MARK: Datagrams

  private func take(_ datagram: RawSpan, along path: NetworkPath, now: HostTime) {
    guard let member = byPath[path] ?? newcomer(datagram, along: path) else {
      numbers.strangers += 1
      return
    }
    let isBeginning =
      DatagramKind(of: datagram) == .dtls && !member.session.hasBegunHandshake
    member.session.receive(
      datagram, along: path, mayBeginHandshake: !isBeginning || handshakes.take(now: now),
      now: now)
    follow(member, now: now)
  }

  /// Whose check this is, that comes along a path which is nobody's yet.
  private func newcomer(_ datagram: RawSpan, along path: NetworkPath) -> Member? {
    guard DatagramKind(of: datagram) == .stun,
      let message = try? STUNMessage(parsing: datagram), message.kind == .request,
      let fragment = message.localFragment, let key = fragmentKey(fragment),
      let member = byFragment[key], configuration.mayListen(path.remote.addressBytes)
    else { return nil }
    return member
  }

  /// Does what a session wants done.
  private func follow(_ member: Member, now: HostTime) {
    while let output = member.session.nextOutput() {
      switch output {
      case .send(let bytes, let path): send(bytes, along: path)
      case .learned(let path): byPath[path] = member
      case .forgotten(let path):
        if byPath[path] === member { byPath[path] = nil }
      case .started(let keys, let path): start(member, keys: keys, along: path, now: now)
      case .signal(let signal): pass(signal, to: member)
      case .closed(let reason): forget(member, reason)
      }
    }
    member.deadline = member.session.deadline
  }

  private func send(_ bytes: [UInt8], along path: NetworkPath) {
    guard let place = sockets.places.index(for: path) else { return }
    unsafe bytes.withUnsafeBytes {
      _ = unsafe DatagramSocket.send(
        $0, to: path.datagramPath, through: sockets.fileDescriptors[place])
    }
  }

  // MARK: Shards

  private func start(
    _ member: Member, keys: SRTPKeys, along path: NetworkPath, now: HostTime
  ) {
    let shard = shardLoads.indices.min { shardLoads[$0] < shardLoads[$1] } ?? 0
    guard let place = sockets.places.index(for: path),
      let listener = try? ShardListener(
        id: member.number, member.join.parameters, keys: keys, path: path,
        through: shards[shard].sockets.pairs[place], start: member.join.start, now: now)
    else {
      member.session.close()
      return
    }
    member.shard = shard
    shardLoads[shard] += 1
    tell(shard, .join(JoiningListener(listener)), mustArrive: true)
    shared.admission.withLock { $0.finish(member.join.source) }
    shared.countLinear(member.join.parameters.linear, by: 1)
    nextTidying = min(nextTidying, now + Self.tidyingAfterJoins)
    numbers.playing += 1
    numbers.listenersServed += 1
    numbers.mostListeners = max(numbers.mostListeners, numbers.playing)
    onEvent(
      .connected(
        id: member.join.name, address: path.remote.description, listeners: numbers.playing))
  }

  private func pass(_ signal: SenderSignal, to member: Member) {
    guard let shard = member.shard else { return }
    let mustArrive =
      switch signal {
      case .moved, .liveness, .hold: true
      case .missing, .reported, .asked: false
      }
    tell(shard, .listener(member.number, signal), mustArrive: mustArrive)
  }

  private func tell(_ shard: Int, _ signal: ShardSignal, mustArrive: Bool) {
    // What waits goes first, or a listener could leave before it joins.
    guard waiting[shard].isEmpty, shards[shard].signals.room > 0 else {
      if mustArrive { waiting[shard].append(signal) } else { numbers.droppedSignals += 1 }
      return
    }
    shards[shard].signals.push(signal)
    awake.insert(shard)
  }

  private func wakeShards() {
    for shard in awake { shards[shard].wake() }
    awake.removeAll(keepingCapacity: true)
  }

  // MARK: Ends

  private func forget(_ member: Member, _ reason: CloseReason) {
    dropsOfGone += member.session.facts.drops
    numbers.ends[reason.kind, default: 0] += 1
    members[member.number] = nil
    byName[member.join.name] = nil
    if let key = fragmentKey(member.join.credentials.localFragment) { byFragment[key] = nil }
    for path in member.session.provedPaths where byPath[path] === member { byPath[path] = nil }
    _ = shared.reports.withLock { $0.removeValue(forKey: member.join.name) }
    let address = member.session.facts.path?.remote.description ?? ""
    let id = member.join.name
    guard let shard = member.shard else {
      shared.admission.withLock { $0.giveUp(member.join.source) }
      onEvent(.failed(id: id, address: address, reason: reason.sentence))
      return
    }
    tell(shard, .leave(member.number), mustArrive: true)
    shardLoads[shard] -= 1
    shared.countLinear(member.join.parameters.linear, by: -1)
    numbers.playing -= 1
    shared.admission.withLock { $0.leave() }
    onEvent(
      reason == .left
        ? .left(id: id, address: address, listeners: numbers.playing)
        : .closed(
          id: id, address: address, listeners: numbers.playing, reason: reason.sentence))
  }

  private func reportNumbers() {
    numbers.drops = members.values.reduce(into: dropsOfGone) { $0 += $1.session.facts.drops }
    numbers.unfinished = members.count - numbers.playing
    numbers.listeners = members.values.sorted { $0.number < $1.number }.map { member in
      let facts = member.session.facts
      var listener = WebRTCStatistics.Listener(
        id: member.join.name, number: member.number,
        address: facts.path?.remote.description ?? "",
        state: !facts.isEstablished ? .joining : facts.liveness == .silent ? .paused : .playing)
      listener.since = facts.startedAt
      listener.linear = member.join.parameters.linear
      listener.lost = facts.lost
      listener.jitter = facts.jitter
      listener.roundTrip = facts.roundTrip
      let drops = facts.drops
      listener.ignored = drops.malformed + drops.unauthentic + drops.unexpected
      return listener
    }
    let snapshot = numbers
    shared.statistics.withLock { $0 = snapshot }
  }
}

extension CloseReason {
  /// One word for statistics.
  var kind: String {
    switch self {
    case .neverCame: "never_came"
    case .unfinished: "unfinished"
    case .handshake: "handshake"
    case .left: "left"
    case .silent: "silent"
    case .ended: "ended"
    }
  }

  /// For the log and the screen.
  var sentence: String {
    switch self {
    case .neverCame: "it never came"
    case .unfinished: "its handshake took too long"
    case .handshake(let reason): reason
    case .left: "it left"
    case .silent: "nothing heard for 30 s"
    case .ended: "ended here"
    }
  }
}
