internal import Glibc

/// What is at the path of a Unix socket.
package enum LocalSocket: Equatable, Sendable {
  /// Somebody listens: the process that began to, or -1 when that is hidden.
  case listening(processID: Int32)
  /// Nothing is there, or not what can be connected to.
  case missing
  /// A socket that nobody listens on any more.
  case stale
  /// It is there, but we may not use it or not even look.
  case forbidden

  /// The longest path that fits into a socket's address.
  package static let longestPath = 107

  /// Tries to connect, and disconnects at once. Never waits.
  package static func look(at path: String) -> LocalSocket {
    let (descriptor, result) = tryToConnect(to: path)
    guard descriptor >= 0 else { return .missing }
    defer { close(descriptor) }
    if result == 0 { return .listening(processID: peer(of: descriptor)) }
    switch errno {
    case EACCES, EPERM: return .forbidden
    case ECONNREFUSED: return .stale
    // Its queue is full: somebody is there, and busy.
    case EAGAIN: return .listening(processID: -1)
    default: return .missing
    }
  }

  /// A connected descriptor, which is the caller's to close; nil when there is none to be had.
  static func connect(to path: String) -> Int32? {
    let (descriptor, result) = tryToConnect(to: path)
    guard descriptor >= 0, result != 0 else { return descriptor >= 0 ? descriptor : nil }
    close(descriptor)
    return nil
  }

  /// A descriptor, negative when there is none, and what connecting it gave.
  private static func tryToConnect(to path: String) -> (descriptor: Int32, result: Int32) {
    var address = sockaddr_un()
    address.sun_family = UInt16(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count <= longestPath else { return (-1, -1) }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let descriptor = socket(
      AF_UNIX,
      Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return (-1, -1) }
    let length = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Glibc.connect(descriptor, $0, length)
      }
    }
    return (descriptor, result)
  }

  private static func peer(of descriptor: Int32) -> Int32 {
    // struct ucred: process, user, group.
    var credentials: (Int32, UInt32, UInt32) = (0, 0, 0)
    var length = socklen_t(MemoryLayout.size(ofValue: credentials))
    let result = unsafe getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length)
    return result == 0 && credentials.0 > 0 ? credentials.0 : -1
  }
}
