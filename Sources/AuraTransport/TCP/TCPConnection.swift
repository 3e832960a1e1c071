package import AuraHost
internal import AuraStream
internal import CLinux
internal import Glibc

/// A TCP connection to a server, for one thread that may wait; closed when it goes.
package struct TCPConnection: ~Copyable {
  private static let connectTime = Duration.seconds(3)

  private let socket: Int32
  private let cancel: WakeUp
  /// Who answered, without the port.
  package let peerAddress: String
  /// Whether the server is on this computer.
  package let isLocal: Bool

  /// Connects to the first of a name's addresses that answers.
  ///
  /// - Parameters:
  ///   - host: a name or numeric address; a name may take the name service's time.
  ///   - port: the port.
  ///   - receiveBufferBytes: what the kernel may keep for us; what waits there is delay.
  ///   - cancel: ends every wait when signalled; it is never drained.
  /// - Throws: `TransportError` `.cannotConnect` or `.cancelled`.
  package init(
    host: String, port: Int, receiveBufferBytes: Int, cancel: WakeUp
  ) throws(TransportError) {
    // A numeric address needs no name service, and no network either.
    let numeric = SocketAddress.resolve(host: host, port: port, numericOnly: true)
    let addresses = numeric.isEmpty ? SocketAddress.resolve(host: host, port: port) : numeric
    guard !addresses.isEmpty else {
      throw TransportError(
        .unknownHost,
        "Nobody knows the computer \(host). Check the name, or use the address that `serve` prints."
      )
    }
    var failure = ECONNREFUSED
    for address in addresses {
      switch Self.connect(to: address, receiveBufferBytes: receiveBufferBytes, cancel: cancel) {
      case .success(let socket):
        self.socket = socket
        self.cancel = cancel
        peerAddress = address.text
        isLocal = Self.ownAddress(of: socket) == address.addressBytes
        return
      case .failure(let error) where error.code == ECANCELED:
        throw TransportError(.cancelled, "Stopped.")
      case .failure(let error): failure = error.code
      }
    }
    throw TransportError(
      .cannotConnect, Self.explanation(of: failure, host: host, port: port))
  }

  deinit { close(socket) }

  private struct SystemError: Error { var code: Int32 }

  private static func connect(
    to address: SocketAddress, receiveBufferBytes: Int, cancel: WakeUp
  ) -> Result<Int32, SystemError> {
    let socket = Glibc.socket(
      address.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue),
      0)
    guard socket >= 0 else { return .failure(SystemError(code: errno)) }
    // Before connecting: the window is agreed on then.
    setOption(socket, SOL_SOCKET, SO_RCVBUF, Int32(clamping: receiveBufferBytes))
    setOption(socket, SOL_SOCKET, SO_KEEPALIVE, 1)
    var code =
      unsafe address.withSocketAddress { address, length in
        unsafe Glibc.connect(socket, address, length) == 0 ? 0 : errno
      } ?? EINVAL
    if code == EINPROGRESS {
      code = wait(for: socket, Int16(POLLOUT), cancel, connectTime).connectCode(of: socket)
    }
    guard code == 0 else {
      close(socket)
      return .failure(SystemError(code: code))
    }
    return .success(socket)
  }

  private enum Waited {
    case ready, timedOut, cancelled

    func connectCode(of socket: Int32) -> Int32 {
      switch self {
      case .cancelled: return ECANCELED
      case .timedOut: return ETIMEDOUT
      case .ready:
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        unsafe getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &length)
        return code
      }
    }
  }

  private static func wait(
    for socket: Int32, _ events: Int16, _ cancel: WakeUp, _ timeout: Duration
  ) -> Waited {
    var watched = [
      pollfd(fd: socket, events: events, revents: 0),
      pollfd(fd: cancel.fileDescriptor, events: Int16(POLLIN), revents: 0),
    ]
    let milliseconds = Int32(clamping: timeout.inNanoseconds / 1_000_000)
    let ready = unsafe poll(&watched, 2, milliseconds)
    if watched[1].revents != 0 { return .cancelled }
    return ready > 0 ? .ready : .timedOut
  }

  private static func ownAddress(of socket: Int32) -> [UInt8] {
    var address = SocketAddress()
    _ = unsafe address.fill { unsafe getsockname(socket, $0, $1) }
    return address.addressBytes
  }

  private static func explanation(of code: Int32, host: String, port: Int) -> String {
    switch code {
    case ECONNREFUSED: "\(host) answers, but nothing listens on port \(port)"
    case ETIMEDOUT, EHOSTUNREACH, EHOSTDOWN: "\(host) does not answer"
    case ENETUNREACH: "there is no network to \(host)"
    default: "\(host) cannot be reached (\(systemErrorText(code)))"
    }
  }

  /// What came, or that nothing did.
  package enum Received: Equatable, Sendable {
    /// Bytes at the front of the buffer.
    case bytes(Int)
    /// Nothing came within the time.
    case nothing
    /// The server has closed the connection, or it broke.
    case closed
    /// Somebody signalled `cancel`.
    case cancelled
  }

  /// Waits for bytes.
  ///
  /// - Parameters:
  ///   - buffer: where they go; at most as many as fit.
  ///   - timeout: how long to wait for the first of them.
  /// - Returns: what became of it.
  package func receive(into buffer: inout [UInt8], timeout: Duration) -> Received {
    switch Self.wait(for: socket, Int16(POLLIN), cancel, timeout) {
    case .cancelled: return .cancelled
    case .timedOut: return .nothing
    case .ready: break
    }
    let count = unsafe recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    if count > 0 { return .bytes(count) }
    return count < 0 && (errno == EAGAIN || errno == EINTR) ? .nothing : .closed
  }
}
