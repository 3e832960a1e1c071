internal import AuraHost
internal import AuraStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// The sender thread of the original protocol: sockets, clients, the shared history.
///
/// Everything here belongs to that one thread, once `run` has begun.
final class OriginalSender: @unchecked Sendable {
  /// A client that takes nothing for this long is closed.
  static let longestStandstill = Duration.seconds(10)
  private static let housekeeping = Duration.milliseconds(500)

  private let configuration: OriginalServer.Configuration
  private let queue: ChunkQueue
  private let wakeUp: WakeUp
  private let shared: OriginalServer.SharedState
  private let onEvent: @Sendable (OriginalServer.Event) -> Void
  private var poller = Poller()
  private var listeners: [Int32: BoxedListener] = [:]
  private let announcement: [UInt8]

  private var history: ChunkHistory
  // In the order they came: everyone's place in the round stays the same.
  private var clients: [OriginalClientConnection] = []
  private var clientsBySocket: [Int32: OriginalClientConnection] = [:]
  private var statistics = OriginalServer.Statistics()
  private var bytesOfGoneClients = 0
  private var dropsOfGoneClients = 0
  private var isOutOfDescriptors = false
  /// Whether somebody has heard of that since there was room for the last time.
  private var hasToldOfDescriptors = false
  private var nextHousekeeping = HostTime(nanoseconds: 0)

  /// A dictionary holds no values that cannot be copied.
  private final class BoxedListener {
    let socket: ListeningSocket
    init(_ socket: consuming ListeningSocket) { self.socket = socket }
  }

  init(
    _ configuration: OriginalServer.Configuration, queue: ChunkQueue, wakeUp: WakeUp,
    shared: OriginalServer.SharedState,
    onEvent: @escaping @Sendable (OriginalServer.Event) -> Void
  ) throws(TransportError) {
    self.configuration = configuration
    port = configuration.port
    self.queue = queue
    self.wakeUp = wakeUp
    self.shared = shared
    self.onEvent = onEvent
    history = ChunkHistory(format: configuration.format, queueSize: configuration.queueSize)
    announcement = OriginalFormat.framed(configuration.format.announcement)
    try listen()
    poller.add(wakeUp.fileDescriptor, for: .readable)
    for socket in listeners.keys { poller.add(socket, for: .readable) }
  }

  /// The port that clients connect to.
  private(set) var port: Int

  private func listen() throws(TransportError) {
    let message = configuration.format.messageByteCount
    let everywhere = configuration.addresses.isEmpty
    for address in everywhere ? ["0.0.0.0", "::"] : configuration.addresses {
      do throws(TransportError) {
        let socket = try ListeningSocket(
          address: address, port: port, backlog: configuration.listenBacklog,
          sendBufferBytes: max(32_768, 2 * message))
        port = socket.port  // asked for any, the first address decides for the others
        listeners[socket.fileDescriptor] = BoxedListener(socket)
      } catch {
        // A computer without IPv6 listens on IPv4 alone.
        if everywhere, address == "::", error.description.contains("no IPv6") { continue }
        throw error
      }
    }
  }

  // MARK: The loop

  func run() {
    while !shouldStop {
      let events = poller.wait(timeout: sleep(now: HostClock.now))
      let now = HostClock.now
      for event in events { handle(event, now: now) }
      sendDueChunks(now: now)
      if now >= nextHousekeeping { keepHouse(now: now) }
    }
    for client in clients { dismiss(client, reason: nil) }
    publishStatistics(now: HostClock.now)
  }

  /// Until housekeeping, or until a chunk is due that somebody waits for.
  private func sleep(now: HostTime) -> Duration {
    guard !clients.isEmpty, let due = history.nextDue else { return Self.housekeeping }
    return min(Self.housekeeping, max(.milliseconds(1), due - now))
  }

  private var shouldStop: Bool {
    let deadline = shared.deadline.load(ordering: .acquiring)
    guard deadline != .max else { return false }
    return HostClock.now.nanoseconds >= deadline || everyoneHasEverything
  }

  private var everyoneHasEverything: Bool {
    queue.isEmpty && (history.nextDue == nil || clients.isEmpty)
      && clients.allSatisfy { $0.cursor.chunk == history.published && $0.isAcknowledged }
  }

  private func handle(_ event: Poller.Event, now: HostTime) {
    let descriptor = event.descriptor
    if descriptor == wakeUp.fileDescriptor {
      wakeUp.drain()
      while history.take(from: queue) {}
    } else if let listener = listeners[descriptor] {
      admitWaiting(at: listener, now: now)
    } else if let client = clientsBySocket[descriptor] {
      serve(client, event.readiness, now: now)
    }
  }

  private func sendDueChunks(now: HostTime) {
    guard history.publish(isHeard: !clients.isEmpty, now: now) else { return }
    for client in clients {
      client.trim(to: history, queueSize: configuration.queueSize)
      if !client.isBlocked { send(to: client, now: now) }
    }
  }

  private func serve(
    _ client: OriginalClientConnection, _ readiness: Poller.Readiness, now: HostTime
  ) {
    if !readiness.isDisjoint(with: .broken) {
      leave(client, reason: nil)
      return
    }
    if readiness.contains(.readable) {
      var isOpen = true
      guard client.discardInput(isOpen: &isOpen) else {
        leave(client, reason: "it sends instead of listening")
        return
      }
      if !isOpen { client.isFinishedSending = true }
      watchAgain(client)
    }
    if readiness.contains(.writable) {
      client.isBlocked = false
      send(to: client, now: now)
      if !client.isBlocked { watchAgain(client) }
    }
  }

  private func send(to client: OriginalClientConnection, now: HostTime) {
    switch client.send(from: history, now: now) {
    case .caughtUp: break
    case .blocked:
      client.isBlocked = true
      watchAgain(client)
    case .broken: leave(client, reason: nil)
    }
  }

  // MARK: Coming and going

  private func admitWaiting(at listener: BoxedListener, now: HostTime) {
    while true {
      switch listener.socket.accept() {
      case .client(let socket, let peer):
        hasToldOfDescriptors = false
        admit(socket, peer, now: now)
      case .nobody: return
      case .noRoom:
        // They wait in the kernel; asking again at once would only burn the processor.
        poller.change(listener.socket.fileDescriptor, to: [])
        isOutOfDescriptors = true
        if !hasToldOfDescriptors {
          hasToldOfDescriptors = true
          onEvent(.noRoom(clients: clients.count))
        }
        return
      }
    }
  }

  private func admit(_ socket: Int32, _ peer: SocketAddress, now: HostTime) {
    let address = peer.textWithPort
    guard configuration.mayListen(peer.addressBytes) else {
      close(socket)
      statistics.clientsRefused += 1
      onEvent(
        .refused(
          address: address, clients: clients.count,
          reason: "it is not on a network of this computer (--public lets everyone in)"))
      return
    }
    if configuration.maxClients > 0, clients.count >= configuration.maxClients {
      refuseForLackOfRoom(socket)
      statistics.clientsRefused += 1
      onEvent(
        .refused(
          address: address, clients: clients.count,
          reason: "the server is full (--max-clients \(configuration.maxClients))"))
      return
    }
    // Before somebody is here nothing has to be soft.
    _ = history.publish(isHeard: !clients.isEmpty, now: now)
    let client = OriginalClientConnection(
      socket: socket, address: address, announcement: announcement, at: history.published,
      now: now, messageByteCount: configuration.format.messageByteCount)
    clients.append(client)
    clientsBySocket[socket] = client
    poller.add(socket, for: .readable)
    statistics.clientsServed += 1
    statistics.mostClients = max(statistics.mostClients, clients.count)
    onEvent(.connected(address: address, clients: clients.count))
    send(to: client, now: now)
  }

  private func refuseForLackOfRoom(_ socket: Int32) {
    let message = OriginalFormat.framed(OriginalFormat.fullAnnouncement)
    let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
    _ = unsafe Glibc.send(socket, message, message.count, flags)
    shutdown(socket, Int32(SHUT_WR))
    close(socket)
  }

  /// A client is gone; `reason` says why when we ended it.
  private func leave(_ client: OriginalClientConnection, reason: String?) {
    dismiss(client, reason: reason)
    let address = client.address
    onEvent(
      reason.map { .closed(address: address, clients: clients.count, reason: $0) }
        ?? .left(address: address, clients: clients.count))
  }

  private func dismiss(_ client: OriginalClientConnection, reason: String?) {
    poller.remove(client.socket)
    clientsBySocket[client.socket] = nil
    clients.removeAll { $0 === client }
    bytesOfGoneClients += client.bytesSent
    dropsOfGoneClients += client.cursor.dropped
  }

  // MARK: Watching and counting

  private func watchAgain(_ client: OriginalClientConnection) {
    var readiness: Poller.Readiness = client.isFinishedSending ? [] : .readable
    if client.isBlocked { readiness.insert(.writable) }
    poller.change(client.socket, to: readiness)
  }

  private func keepHouse(now: HostTime) {
    nextHousekeeping = now + Self.housekeeping
    if isOutOfDescriptors {
      isOutOfDescriptors = false
      for socket in listeners.keys { poller.change(socket, to: .readable) }
    }
    for client in clients
    where client.isBlocked && now - client.lastProgress > Self.longestStandstill {
      leave(client, reason: "it took nothing for \(Self.longestStandstill.components.seconds) s")
    }
    publishStatistics(now: now)
  }

  private func publishStatistics(now: HostTime) {
    statistics.clients = clients.count
    statistics.bytesSent = clients.reduce(bytesOfGoneClients) { $0 + $1.bytesSent }
    statistics.droppedChunks = clients.reduce(dropsOfGoneClients) { $0 + $1.cursor.dropped }
    (statistics.skippedChunks, statistics.repeatedChunks) = history.moves
    let message = configuration.format.messageByteCount
    statistics.listeners = clients.map { client in
      let oldest = client.oldestChunkUnderway(messageByteCount: message)
      return OriginalServer.Client(
        since: client.since, age: history.instant(of: oldest).map { now - $0 })
    }
    statistics.oldest = statistics.listeners.compactMap(\.age).max() ?? .zero
    let current = statistics
    shared.statistics.withLock { $0 = current }
  }
}
