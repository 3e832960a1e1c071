internal import CLinux
internal import Glibc

/// A TCP socket that waits for clients; closed when it goes.
struct ListeningSocket: ~Copyable {
  let fileDescriptor: Int32

  /// Listens on one address.
  ///
  /// - Parameters:
  ///   - address: a numeric IPv4 or IPv6 address; `::` means IPv6 only.
  ///   - port: the port.
  ///   - backlog: connections that may wait for accept(2).
  ///   - sendBufferBytes: what the kernel may hold of a client's unsent sound.
  /// - Throws: `TransportError` `.cannotBind`.
  init(
    address: String, port: Int, backlog: Int, sendBufferBytes: Int
  ) throws(TransportError) {
    guard let target = SocketAddress.resolve(host: address, port: port, numericOnly: true).first
    else {
      throw TransportError(
        .cannotBind,
        "\(address) is not an IP address: give --bind one that `ip addr` shows.")
    }
    let socket = socket(
      target.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue),
      0)
    guard socket >= 0 else { throw Self.failure(address: address, port: port) }
    setOption(socket, SOL_SOCKET, SO_REUSEADDR, 1)
    setOption(socket, SOL_SOCKET, SO_SNDBUF, Int32(clamping: sendBufferBytes))
    if target.family == AF_INET6 {
      setOption(socket, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1)
    }
    let bound = unsafe target.withSocketAddress { unsafe bind(socket, $0, $1) } ?? -1
    guard bound == 0, listen(socket, Int32(clamping: backlog)) == 0 else {
      let error = Self.failure(address: address, port: port)
      close(socket)
      throw error
    }
    fileDescriptor = socket
  }

  deinit { close(fileDescriptor) }

  /// What a look at the queue of waiting clients brought.
  enum Arrival {
    case client(socket: Int32, peer: SocketAddress)
    case nobody
    /// Somebody waits, but the system has no file descriptor or memory left for them.
    case noRoom
  }

  /// Takes the next waiting client; never waits.
  func accept() -> Arrival {
    var peer = SocketAddress()
    let listener = fileDescriptor
    let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let socket = unsafe peer.fill { unsafe accept4(listener, $0, $1, flags) } ?? -1
    guard socket >= 0 else {
      return [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) ? .noRoom : .nobody
    }
    return .client(socket: socket, peer: peer)
  }

  /// The port it really has; of interest after asking for port 0.
  var port: Int {
    var address = SocketAddress()
    let socket = fileDescriptor
    _ = unsafe address.fill { unsafe getsockname(socket, $0, $1) }
    return address.port
  }

  private static func failure(address: String, port: Int) -> TransportError {
    let place = address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
    let text =
      switch errno {
      case EADDRINUSE:
        "Port \(port) is taken by another program: end it, or choose another with --port."
      case EACCES:
        "Port \(port) needs administrator rights: choose one above 1023 with --port."
      case EADDRNOTAVAIL:
        "This computer has no address \(address): give --bind one that `ip addr` shows."
      case EAFNOSUPPORT: "This computer has no IPv6: give --bind an IPv4 address."
      default: "Cannot listen on \(place): \(systemErrorText())."
      }
    return TransportError(.cannotBind, text)
  }
}

/// What the system says of its last error.
func systemErrorText(_ code: Int32 = errno) -> String {
  guard let text = unsafe strerror(code) else { return "error \(code)" }
  return unsafe String(cString: text)
}
