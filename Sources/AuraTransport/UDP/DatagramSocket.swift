internal import AuraStream
internal import CLinux
internal import Glibc

/// A UDP socket that never waits, of one address family.
///
/// Several sockets can share one port: each sender shard has its own, so that one shard's full
/// buffer is nobody else's. Sending and receiving may happen on two threads.
struct DatagramSocket: ~Copyable {
  let fileDescriptor: Int32
  let isIPv6: Bool
  /// The port it really has; of interest after asking for port 0.
  let port: Int
  /// What may wait to be sent, by the kernel's count, in bytes.
  let sendBufferBytes: Int

  /// Binds a numeric address.
  ///
  /// - Parameters:
  ///   - address: numeric; `0.0.0.0` or `::` for all of its family.
  ///   - port: 0 for any.
  ///   - joining: whether to share the port with a socket of ours that has it already. The first one
  ///     takes it alone, so that a port which another program has is noticed.
  /// - Throws: `TransportError` when the address or port cannot be had.
  init(address: String, port: Int, joining: Bool) throws(TransportError) {
    let (socket, isIPv6) = try Self.bound(address: address, port: port, joining: joining)
    fileDescriptor = socket
    self.isIPv6 = isIPv6
    aura_receive_local_address(socket, isIPv6 ? 1 : 0)
    setOption(socket, SOL_SOCKET, SO_RCVBUF, 1 << 20)
    sendBufferBytes = Int(aura_set_send_buffer(socket, Int32(Self.wantedSendBuffer)))
    var name = SocketAddress()
    _ = unsafe name.fill { unsafe getsockname(socket, $0, $1) }
    self.port = name.port
  }

  private static func bound(
    address: String, port: Int, joining: Bool
  ) throws(TransportError) -> (socket: Int32, isIPv6: Bool) {
    guard
      let place = SocketAddress.resolve(host: address, port: port, numericOnly: true).first
    else {
      throw TransportError(.cannotBind, "\(address) is not a numeric address.")
    }
    let kind = Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let socket = Glibc.socket(place.family, kind, 0)
    guard socket >= 0 else {
      throw TransportError.binding(address, port: port, transport: "UDP")
    }
    let isIPv6 = place.family == AF_INET6
    if isIPv6 { setOption(socket, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
    if joining { setOption(socket, SOL_SOCKET, SO_REUSEPORT, 1) }
    guard unsafe place.withSocketAddress({ unsafe bind(socket, $0, $1) }) == 0 else {
      let error = TransportError.binding(address, port: port, transport: "UDP")
      close(socket)
      throw error
    }
    if !joining { setOption(socket, SOL_SOCKET, SO_REUSEPORT, 1) }
    return (socket, isIPv6)
  }

  deinit { close(fileDescriptor) }

  /// What the kernel keeps for each neighbour whose hardware address it is still asking for, charged
  /// to the sender's buffer. Four of them fit, and the kernel doubles what it is told.
  private static let wantedSendBuffer = 2 * pendingNeighbourBytes

  private static let pendingNeighbourBytes = 212_992

  /// Takes the next datagram.
  ///
  /// - Returns: its length and path, and for how long it has waited to be taken, which is zero unless
  ///   `tellArrivals` was called; nil when none is waiting. Length 0: it was too long for the buffer,
  ///   empty, or an error was.
  static func receive(
    from fileDescriptor: Int32, into buffer: UnsafeMutableRawBufferPointer
  ) -> (byteCount: Int, path: NetworkPath, waited: Duration)? {
    var path = aura_datagram_path()
    var waited: Int64 = 0
    let length = unsafe aura_receive_datagram(
      fileDescriptor, buffer.baseAddress, buffer.count, &path, &waited)
    if length == -Int(EAGAIN) { return nil }
    return (max(0, length), NetworkPath(path), .nanoseconds(waited))
  }

  /// Has the kernel note when datagrams arrive.
  func tellArrivals() { aura_receive_arrival_time(fileDescriptor) }

  /// Sends a datagram, or fails at once.
  ///
  /// Takes a descriptor, so that the per-packet path touches nothing that is counted.
  ///
  /// - Returns: 0, or the system's error: EAGAIN when the buffer is full.
  static func send(
    _ bytes: UnsafeRawBufferPointer, to path: aura_datagram_path, through fileDescriptor: Int32
  ) -> Int32 {
    var path = path
    return unsafe aura_send_datagram(fileDescriptor, bytes.baseAddress, bytes.count, &path)
  }
}

extension TransportError {
  /// Why an address or port could not be bound, from the system's last error.
  static func binding(_ address: String, port: Int, transport: String) -> TransportError {
    let place = address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
    let text =
      switch errno {
      case EADDRINUSE:
        "\(transport) port \(port) is taken by another program: end it, or choose another with "
          + "--port."
      case EACCES: "Port \(port) needs administrator rights: choose one above 1023 with --port."
      case EADDRNOTAVAIL:
        "This computer has no address \(address): give --bind one that `ip addr` shows."
      case EAFNOSUPPORT: "This computer has no IPv6: give --bind an IPv4 address."
      default: "Cannot use \(transport) on \(place): \(systemErrorText())."
      }
    return TransportError(.cannotBind, text)
  }
}

extension NetworkPath {
  /// From the kernel's form.
  init(_ path: aura_datagram_path) {
    let remote = unsafe withUnsafeBytes(of: path.remote) { unsafe Self.halves($0) }
    let local = unsafe withUnsafeBytes(of: path.local) { unsafe Self.halves($0) }
    self.init(
      remote: Endpoint(upper: remote.0, lower: remote.1, port: path.port, scope: path.scope),
      local: Endpoint(upper: local.0, lower: local.1, port: 0))
  }

  private static func halves(_ bytes: UnsafeRawBufferPointer) -> (UInt64, UInt64) {
    (
      UInt64(bigEndian: unsafe bytes.loadUnaligned(as: UInt64.self)),
      UInt64(bigEndian: unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    )
  }

  /// In the kernel's form.
  var datagramPath: aura_datagram_path {
    var path = aura_datagram_path()
    unsafe withUnsafeMutableBytes(of: &path.remote) {
      unsafe $0.storeBytes(of: remote.upper.bigEndian, as: UInt64.self)
      unsafe $0.storeBytes(of: remote.lower.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    unsafe withUnsafeMutableBytes(of: &path.local) {
      unsafe $0.storeBytes(of: local.upper.bigEndian, as: UInt64.self)
      unsafe $0.storeBytes(of: local.lower.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    path.port = remote.port
    path.scope = remote.scope
    return path
  }
}
