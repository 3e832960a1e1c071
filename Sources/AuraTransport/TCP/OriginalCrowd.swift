internal import AuraHost
package import AuraStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// One connection's ear; called on the crowd's thread, and must not keep it long.
package protocol OriginalSink: AnyObject, Sendable {
  /// The announcement has come.
  func originalStarted(now: HostTime)
  /// A chunk has come to its end.
  func originalHeard(now: HostTime)
  /// Nothing comes any more; a sentence that says why.
  func originalEnded(_ reason: String, now: HostTime)
}

/// Many listeners of the original protocol on one thread, whose sound is counted and thrown away.
package final class OriginalCrowd: @unchecked Sendable {
  // Sendable: `members`, `poller`, `lag` and `isStopping` belong to the thread, all else is locked.

  private static let tick = Duration.milliseconds(20)
  private static let readBytes = 65_536

  private struct Member {
    var sink: any OriginalSink
    var counter = OriginalCounter()
  }

  private enum Order: Sendable {
    case join(SocketAddress, from: SocketAddress?, any OriginalSink)
    case stop
  }

  private let orders = Mutex<[Order]>([])
  private let wakeUp = WakeUp()
  private let sharedLag = Mutex(LoopLag())
  private let thread = Mutex<HostThread?>(nil)
  private let server: SocketAddress

  private var poller = Poller()
  private var members: [Int32: Member] = [:]
  private var lag = LoopLag()
  private var nextReport = HostTime(nanoseconds: 0)
  private var isStopping = false

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - host: the server's name or numeric address; a name may take the name service's time.
  ///   - port: its port.
  /// - Throws: `TransportError` `.unknownHost`.
  package init(host: String, port: Int) throws(TransportError) {
    guard let server = SocketAddress.resolve(host: host, port: port).first else {
      throw TransportError(.unknownHost, "Nobody knows the computer \(host). Check the name.")
    }
    self.server = server
    poller.add(wakeUp.fileDescriptor, for: .readable)
    thread.withLock { $0 = HostThread(name: "aura-crowd") { self.run() } }
  }

  /// Connects one more.
  ///
  /// - Parameters:
  ///   - source: the numeric address it comes from; nil lets the system choose.
  ///   - sink: told what becomes of it.
  package func join(from source: String?, sink: any OriginalSink) {
    let source = source.flatMap {
      SocketAddress.resolve(host: $0, port: 0, numericOnly: true).first
    }
    submit(.join(server, from: source, sink))
  }

  /// How long what arrived has waited for the thread since the last time this was asked.
  package func takeLag() -> LoopLag {
    sharedLag.withLock { lag in
      defer { lag = LoopLag() }
      return lag
    }
  }

  /// Closes every connection and waits for the thread. Call once.
  package func stop() {
    submit(.stop)
    thread.withLock { $0.take() }?.join()
  }

  private func submit(_ order: Order) {
    orders.withLock { $0.append(order) }
    wakeUp.signal()
  }

  // MARK: The thread

  private func run() {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.readBytes, alignment: 16)
    defer { unsafe buffer.deallocate() }
    while !isStopping {
      let before = HostClock.now
      let events = poller.wait(timeout: Self.tick)
      let awake = HostClock.now
      for event in events {
        if event.descriptor == wakeUp.fileDescriptor {
          takeOrders()
        } else {
          unsafe follow(event.descriptor, buffer)
        }
      }
      let now = HostClock.now
      lag.note(
        waited: awake - before, worked: now - awake,
        overslept: events.isEmpty ? awake - before - Self.tick : .zero)
      publishLag(now: now)
    }
    for descriptor in members.keys { close(descriptor) }
  }

  private func publishLag(now: HostTime) {
    guard now >= nextReport else { return }
    nextReport = now + .milliseconds(100)
    let lag = self.lag
    self.lag = LoopLag()
    sharedLag.withLock { $0.add(lag) }
  }

  private func takeOrders() {
    wakeUp.drain()
    let taken = orders.withLock { orders in
      defer { orders.removeAll(keepingCapacity: true) }
      return orders
    }
    for order in taken {
      switch order {
      case .stop: isStopping = true
      case .join(let server, let source, let sink): connect(server, source, sink)
      }
    }
  }

  private func connect(
    _ server: SocketAddress, _ source: SocketAddress?, _ sink: any OriginalSink
  ) {
    let socket = Glibc.socket(
      server.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue),
      0)
    guard socket >= 0 else { return sink.originalEnded(systemErrorText(errno), now: HostClock.now) }
    // As `listen` has it: what waits in the kernel is delay.
    setOption(socket, SOL_SOCKET, SO_RCVBUF, Int32(Self.readBytes))
    if let source {
      setOption(socket, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1)
      _ = unsafe source.withSocketAddress { unsafe Glibc.bind(socket, $0, $1) }
    }
    let code =
      unsafe server.withSocketAddress { unsafe Glibc.connect(socket, $0, $1) == 0 ? 0 : errno }
      ?? EINVAL
    guard code == 0 || code == EINPROGRESS else {
      close(socket)
      return sink.originalEnded(systemErrorText(code), now: HostClock.now)
    }
    members[socket] = Member(sink: sink)
    poller.add(socket, for: .readable)
  }

  private func follow(_ socket: Int32, _ buffer: UnsafeMutableRawBufferPointer) {
    guard let sink = members[socket]?.sink else { return }
    let count = unsafe recv(socket, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
    let now = HostClock.now
    guard count > 0 else {
      if count < 0, errno == EAGAIN || errno == EINTR { return }
      let reason =
        count == 0 ? "The server closed the connection." : "\(systemErrorText(errno))."
      return end(socket, reason, now: now)
    }
    let before = members[socket]?.counter.messages ?? 0
    let received = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
    guard unsafe members[socket]?.counter.take(received) == true else {
      return end(socket, "What answers is not the original protocol.", now: now)
    }
    let after = members[socket]?.counter.messages ?? 0
    for message in before..<after {
      if message == 0 { sink.originalStarted(now: now) } else { sink.originalHeard(now: now) }
    }
  }

  private func end(_ socket: Int32, _ reason: String, now: HostTime) {
    poller.remove(socket)
    close(socket)
    members.removeValue(forKey: socket)?.sink.originalEnded(reason, now: now)
  }
}
