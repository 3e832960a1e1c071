internal import Glibc

/// An IPv4 or IPv6 address with its port, as sockets want it.
@safe struct SocketAddress {
  private var storage: sockaddr_storage
  private var length: socklen_t

  init() {
    storage = sockaddr_storage()
    length = socklen_t(MemoryLayout<sockaddr_storage>.size)
  }

  /// Resolves a name or numeric address; may wait for the name service.
  ///
  /// - Returns: every address found, in the order the system prefers; empty when unknown.
  static func resolve(host: String, port: Int, numericOnly: Bool = false) -> [SocketAddress] {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_NUMERICSERV | (numericOnly ? AI_NUMERICHOST : 0)
    var list: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0 else { return [] }
    defer { unsafe freeaddrinfo(list) }
    var found: [SocketAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
      var address = SocketAddress()
      address.length = unsafe entry.pointee.ai_addrlen
      if let source = unsafe entry.pointee.ai_addr {
        unsafe withUnsafeMutableBytes(of: &address.storage) {
          unsafe $0.copyMemory(from: .init(start: source, count: Int(address.length)))
        }
        found.append(address)
      }
      unsafe next = entry.pointee.ai_next
    }
    return found
  }

  /// AF_INET or AF_INET6.
  var family: Int32 { Int32(storage.ss_family) }

  /// The port, in host order.
  var port: Int {
    unsafe withUnsafeBytes(of: storage) { unsafe Int($0[2]) << 8 | Int($0[3]) }
  }

  /// The address alone, 4 or 16 bytes in network order; IPv4 inside IPv6 is unwrapped.
  var addressBytes: [UInt8] {
    unsafe withUnsafeBytes(of: storage) { bytes in
      guard family == AF_INET6 else { return unsafe Array(bytes[4..<8]) }
      let address = unsafe Array(bytes[8..<24])
      let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
      return address.starts(with: mapped) ? Array(address[12...]) : address
    }
  }

  /// The address as people write it, without the port.
  var text: String {
    var name = [CChar](repeating: 0, count: 128)
    let failure = unsafe withUnsafeBytes(of: storage) { bytes -> Int32 in
      guard let base = bytes.baseAddress else { return -1 }
      let address = unsafe base.assumingMemoryBound(to: sockaddr.self)
      return unsafe getnameinfo(
        address, length, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST)
    }
    guard failure == 0 else { return "?" }
    let text = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: text, as: UTF8.self).droppingMappedPrefix
  }

  /// Address and port as people write them: `192.0.2.1:5555`, `[2001:db8::1]:5555`.
  var textWithPort: String {
    let address = text
    return address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
  }

  /// Calls `body` with the address in the form of the socket calls.
  func withSocketAddress<Result>(
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result? {
    unsafe withUnsafeBytes(of: storage) { bytes in
      guard let base = bytes.baseAddress else { return nil }
      return unsafe body(base.assumingMemoryBound(to: sockaddr.self), length)
    }
  }

  /// Calls `body` with room for an address and its length, as accept(2) fills them.
  mutating func fill<Result>(
    _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Result
  ) -> Result? {
    var filled = socklen_t(MemoryLayout<sockaddr_storage>.size)
    defer { length = filled }
    return unsafe withUnsafeMutableBytes(of: &storage) { bytes in
      guard let base = bytes.baseAddress else { return nil }
      return unsafe body(base.assumingMemoryBound(to: sockaddr.self), &filled)
    }
  }
}

extension String {
  fileprivate var droppingMappedPrefix: String {
    hasPrefix("::ffff:") && contains(".") ? String(dropFirst(7)) : self
  }
}

/// Sets an integer socket option; a system without it goes without.
func setOption(_ socket: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
  var value = value
  unsafe setsockopt(socket, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
}
