internal import AuraStream

/// The last messages of a broadcast, shared by all clients of the original protocol.
///
/// Only the sender thread touches it. Messages lie one behind the other, so that a client that is
/// several behind gets them in one call. What clients are sent is a list of their numbers: in film mode
/// it ends before the newest, and a change of the delay puts a chunk in twice, or leaves one out.
@safe struct ChunkHistory: ~Copyable {
  let messageByteCount: Int
  private let slots: Int
  private let bytes: UnsafeMutablePointer<UInt8>
  private var schedule: ChunkSchedule
  /// How many messages there are, and which of them were published, one behind the other.
  private var taken = 0
  private var sequence: [Int]

  /// How many chunks have been published; the newest is number `published - 1`.
  private(set) var published = 0

  init(format: OriginalFormat, queueSize: Int) {
    messageByteCount = format.messageByteCount
    // What the longest delay keeps back, what may wait for a client, and what comes in one go.
    slots =
      ChunkSchedule.needed(chunk: format.chunkDuration) + queueSize + 1 + ChunkQueue.slots
    unsafe bytes = .allocate(capacity: slots * messageByteCount)
    schedule = ChunkSchedule(chunk: format.chunkDuration, slots: slots)
    sequence = Array(repeating: 0, count: queueSize + 1)
  }

  deinit { unsafe bytes.deallocate() }

  /// Takes the oldest waiting message from `queue`, if there is one.
  mutating func take(from queue: ChunkQueue) -> Bool {
    let slot = taken % slots
    guard let (instant, presentation) = unsafe queue.pop(into: bytes + slot * messageByteCount)
    else { return false }
    schedule.append(capturedAt: instant, presentation)
    taken += 1
    return true
  }

  /// Publishes what is due.
  ///
  /// - Parameters:
  ///   - isHeard: whether there are clients.
  ///   - now: the present.
  /// - Returns: whether anything was.
  mutating func publish(isHeard: Bool, now: HostTime) -> Bool {
    let before = published
    while let chunk = schedule.release(isHeard: isHeard, now: now) {
      sequence[published % sequence.count] = chunk
      published += 1
    }
    return published > before
  }

  /// Chunks that were left out, and that went once more, because film mode's delay changed.
  var moves: (skipped: Int, repeated: Int) { (schedule.skipped, schedule.repeated) }

  /// When there will be more to publish; nil when only the next message can tell.
  var nextDue: HostTime? { schedule.nextDue }

  /// When the first frame of chunk number `chunk` was captured, as far back as is known.
  func instant(of chunk: Int) -> HostTime? {
    guard published > 0 else { return nil }
    return schedule.instant(message(min(max(chunk, published - sequence.count, 0), published - 1)))
  }

  /// The message that chunk number `chunk` is.
  private func message(_ chunk: Int) -> Int { sequence[chunk % sequence.count] }

  /// The bytes that follow a cursor and lie together: at least the rest of its chunk.
  func bytes(from cursor: ChunkCursor) -> UnsafeRawBufferPointer {
    let first = message(cursor.chunk)
    let slot = first % slots
    var count = 1
    while slot + count < slots, cursor.chunk + count < published,
      message(cursor.chunk + count) == first + count
    {
      count += 1
    }
    return unsafe UnsafeRawBufferPointer(
      start: bytes + slot * messageByteCount + cursor.offset,
      count: count * messageByteCount - cursor.offset)
  }

  /// The rest of one chunk's message.
  func rest(of chunk: Int, from offset: Int) -> [UInt8] {
    let start = message(chunk) % slots * messageByteCount
    return unsafe Array(
      UnsafeBufferPointer(start: bytes + start + offset, count: messageByteCount - offset))
  }
}
