/// Where one client of the original protocol stands in the shared history of chunks.
///
/// All clients read the same chunks; each has only this cursor. A client that falls behind by more
/// than its queue loses the oldest chunks, whole ones only: what has begun to be sent is finished.
package struct ChunkCursor: Equatable, Sendable {
  /// The number of the chunk that is being sent or will be next.
  package private(set) var chunk: Int
  /// Bytes of that chunk's message already sent.
  package private(set) var offset = 0
  /// Chunks lost to the queue's limit since the client came.
  package private(set) var dropped = 0

  /// A cursor at chunk number `chunk`, of which nothing has been sent.
  package init(at chunk: Int) { self.chunk = chunk }

  /// What a client that is too far behind must do first.
  package enum Trim: Equatable, Sendable {
    /// Nothing: it is within its queue.
    case nothing
    /// Whole chunks were dropped.
    case dropped
    /// The rest of chunk `chunk`, from byte `offset` on, must still be sent; then what follows.
    case finish(chunk: Int, offset: Int)
  }

  /// Applies the queue's limit after new chunks have come.
  ///
  /// - Parameters:
  ///   - published: how many chunks there are; the newest is number `published - 1`.
  ///   - queueSize: the most chunks that may wait.
  /// - Returns: what has become of the chunks beyond the limit.
  package mutating func trim(published: Int, queueSize: Int) -> Trim {
    let oldestAllowed = published - queueSize
    guard chunk < oldestAllowed else { return .nothing }
    defer {
      chunk = oldestAllowed
      offset = 0
    }
    guard offset > 0 else {
      dropped += oldestAllowed - chunk
      return .dropped
    }
    dropped += oldestAllowed - chunk - 1
    return .finish(chunk: chunk, offset: offset)
  }

  /// Notes that `bytes` more have been sent, of messages of `messageByteCount` each.
  package mutating func advance(bytes: Int, messageByteCount: Int) {
    let total = offset + bytes
    chunk += total / messageByteCount
    offset = total % messageByteCount
  }
}
