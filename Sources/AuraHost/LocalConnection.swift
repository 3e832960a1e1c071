internal import Glibc

/// A connection to a Unix socket of another program. Never waits; for one thread.
package struct LocalConnection: ~Copyable {
  private let descriptor: Int32

  /// Connects; nil when nobody listens there.
  ///
  /// - Parameter path: of the socket, at most `LocalSocket.longestPath` bytes.
  package init?(_ path: String) {
    guard let descriptor = LocalSocket.connect(to: path) else { return nil }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Sends some bytes, all or none.
  ///
  /// - Returns: whether they were taken; short messages are, while the other side reads.
  package func send(_ bytes: [UInt8]) -> Bool {
    unsafe bytes.withUnsafeBytes {
      unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    } == bytes.count
  }

  /// Throws away what has come, up to a megabyte: who never stops talking does not keep us.
  ///
  /// - Returns: whether the other side is still there.
  package func discard() -> Bool {
    var room = [UInt8](repeating: 0, count: 4_096)
    for _ in 0..<256 {
      let count = unsafe room.withUnsafeMutableBytes {
        unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
      }
      if count > 0 { continue }
      return count < 0 && (errno == EAGAIN || errno == EINTR)
    }
    return true
  }
}
