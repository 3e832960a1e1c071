internal import COpenSSL

/// The buffer of a handshake's messages, which OpenSSL keeps as long as the connection: its pages are given back
/// when the handshake is done.
///
/// Its owner must outlive the connection.
@safe struct HandshakeMemory: ~Copyable {
  /// Whether OpenSSL's allocations are ours; they must be from its first one on. Where they are not, buffers
  /// stay as they are.
  static let isOurs = aura_own_openssl_memory() == 1

  /// Where the buffer is, nil while there is none; OpenSSL's allocations keep it.
  private let place: UnsafeMutablePointer<UnsafeMutableRawPointer?>

  init() {
    unsafe place = .allocate(capacity: 1)
    unsafe place.initialize(to: nil)
  }

  deinit { unsafe place.deallocate() }

  /// Goes on with the handshake, at whose beginning OpenSSL makes the buffer.
  ///
  /// - Returns: what OpenSSL returns.
  // Inlined into another file it would have a copy of its own of the variable that allocations look at.
  @inline(never)
  func shakeHands(_ ssl: OpaquePointer) -> Int32 {
    unsafe aura_watch_buffer(place)
    defer { aura_watch_buffer(nil) }
    return unsafe SSL_do_handshake(ssl)
  }

  /// Gives its pages back until they are needed again.
  func giveBack() {
    if let buffer = unsafe place.pointee { unsafe aura_give_back_buffer(buffer) }
  }
}
