internal import AuraStream
internal import CLinux
internal import Glibc

/// One client of the original protocol, as the sender thread sees it.
final class OriginalClientConnection {
  /// How an attempt to send ended.
  enum Outcome { case caughtUp, blocked, broken }

  /// A client that has sent us this much does not speak this protocol; it should send nothing.
  static let mostUnwantedBytes = 65_536

  let socket: Int32
  let address: String
  /// When it connected.
  let since: HostTime
  var cursor: ChunkCursor
  /// Whether the kernel said its buffer is full; epoll tells when it is not.
  var isBlocked = false
  /// Whether the client has shut down its side; it may still be listening.
  var isFinishedSending = false
  /// When the client last took anything.
  private(set) var lastProgress: HostTime
  private(set) var bytesSent = 0
  private var unwantedBytes = 0
  // Bytes that go before the cursor's: the announcement, or a chunk that left the history half sent.
  private var first: ArraySlice<UInt8>

  init(
    socket: Int32, address: String, announcement: [UInt8], at chunk: Int, now: HostTime,
    messageByteCount: Int
  ) {
    self.socket = socket
    self.address = address
    cursor = ChunkCursor(at: chunk)
    since = now
    lastProgress = now
    first = announcement[...]
    setOption(socket, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    // What the kernel holds unsent is old by the time it goes: keep it to one message.
    setOption(
      socket, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, Int32(clamping: messageByteCount))
  }

  deinit { close(socket) }

  /// Sends what the client has not got yet, as far as its socket takes it.
  func send(from history: borrowing ChunkHistory, now: HostTime) -> Outcome {
    while true {
      let outcome: Outcome?
      if !first.isEmpty {
        outcome = sendFirst(now: now)
      } else if cursor.chunk < history.published {
        outcome = unsafe sendSome(history.bytes(from: cursor), now: now) { [self] sent in
          cursor.advance(bytes: sent, messageByteCount: history.messageByteCount)
        }
      } else {
        return .caughtUp
      }
      if let outcome { return outcome }
    }
  }

  /// Keeps a client within its queue.
  func trim(to history: borrowing ChunkHistory, queueSize: Int) {
    switch cursor.trim(published: history.published, queueSize: queueSize) {
    case .nothing, .dropped: break
    case .finish(let chunk, let offset): first += history.rest(of: chunk, from: offset)
    }
  }

  private func sendFirst(now: HostTime) -> Outcome? {
    unsafe first.withUnsafeBytes { bytes in
      unsafe sendSome(bytes, now: now) { [self] sent in first = first.dropFirst(sent) }
    }
  }

  /// - Returns: nil when everything in `bytes` was taken.
  private func sendSome(
    _ bytes: UnsafeRawBufferPointer, now: HostTime, taken: (Int) -> Void
  ) -> Outcome? {
    let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
    let count = unsafe Glibc.send(socket, bytes.baseAddress, bytes.count, flags)
    guard count > 0 else { return errno == EAGAIN || errno == EINTR ? .blocked : .broken }
    lastProgress = now
    bytesSent += count
    taken(count)
    return count == bytes.count ? nil : .blocked
  }

  /// Takes and forgets what the client has sent.
  ///
  /// - Returns: whether the client may stay.
  func discardInput(isOpen: inout Bool) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe recv(socket, &bytes, bytes.count, Int32(MSG_DONTWAIT))
      if count == 0 {
        // It will send no more, which it should not anyway; it may still be listening.
        isOpen = false
        return true
      }
      guard count > 0 else { return errno == EAGAIN || errno == EINTR }
      unwantedBytes += count
      if unwantedBytes > Self.mostUnwantedBytes { return false }
    }
  }

  /// Whether the client's side has taken everything that was sent.
  var isAcknowledged: Bool { aura_unacknowledged_bytes(socket) <= 0 }

  /// The chunk whose sound is the oldest still on its way to the client.
  func oldestChunkUnderway(messageByteCount: Int) -> Int {
    let unacknowledged = max(0, Int(aura_unacknowledged_bytes(socket))) + first.count
    return cursor.chunk - (unacknowledged + messageByteCount - 1) / messageByteCount
  }
}
