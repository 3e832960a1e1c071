internal import AuraStream

/// The last messages of a broadcast, shared by all clients of the original protocol.
///
/// Only the sender thread touches it. Messages lie one behind the other, so that a client that is
/// several behind gets them in one call.
@safe struct ChunkHistory: ~Copyable {
  let messageByteCount: Int
  private let slots: Int
  private let bytes: UnsafeMutablePointer<UInt8>
  private var instants: [HostTime]

  /// How many chunks have been published; the newest is number `published - 1`.
  private(set) var published = 0

  init(format: OriginalFormat, queueSize: Int) {
    messageByteCount = format.messageByteCount
    slots = queueSize + 1
    unsafe bytes = .allocate(capacity: slots * messageByteCount)
    instants = Array(repeating: HostTime(nanoseconds: 0), count: slots)
  }

  deinit { unsafe bytes.deallocate() }

  /// Takes the oldest waiting message from `queue`, if there is one.
  mutating func take(from queue: ChunkQueue) -> Bool {
    let slot = published % slots
    guard let instant = unsafe queue.pop(into: bytes + slot * messageByteCount) else {
      return false
    }
    instants[slot] = instant
    published += 1
    return true
  }

  /// When the first frame of chunk number `chunk` was captured, as far back as is known.
  func instant(of chunk: Int) -> HostTime? {
    guard published > 0 else { return nil }
    return instants[min(max(chunk, published - slots, 0), published - 1) % slots]
  }

  /// The bytes that follow a cursor and lie together: at least the rest of its chunk.
  func bytes(from cursor: ChunkCursor) -> UnsafeRawBufferPointer {
    let slot = cursor.chunk % slots
    let count = min(published - cursor.chunk, slots - slot)
    return unsafe UnsafeRawBufferPointer(
      start: bytes + slot * messageByteCount + cursor.offset,
      count: count * messageByteCount - cursor.offset)
  }

  /// The rest of one chunk's message.
  func rest(of chunk: Int, from offset: Int) -> [UInt8] {
    let start = chunk % slots * messageByteCount
    return unsafe Array(
      UnsafeBufferPointer(start: bytes + start + offset, count: messageByteCount - offset))
  }
}
