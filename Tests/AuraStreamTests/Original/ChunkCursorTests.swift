import AuraStream
import Testing

struct ChunkCursorTests {
  @Test func aClientWithinItsQueueLosesNothing() {
    var cursor = ChunkCursor(at: 10)
    #expect(cursor.trim(published: 60, queueSize: 50) == .nothing)
    #expect(cursor.chunk == 10)
  }

  @Test func theOldestChunksGoFirst() {
    var cursor = ChunkCursor(at: 10)
    #expect(cursor.trim(published: 75, queueSize: 50) == .dropped)
    #expect(cursor.chunk == 25)
    #expect(cursor.dropped == 15)
  }

  @Test func aChunkThatHasBegunIsFinished() {
    var cursor = ChunkCursor(at: 10)
    cursor.advance(bytes: 30, messageByteCount: 100)
    #expect(cursor.trim(published: 75, queueSize: 50) == .finish(chunk: 10, offset: 30))
    #expect(cursor.chunk == 25)
    #expect(cursor.offset == 0)
    #expect(cursor.dropped == 14)
  }

  @Test func advancingCrossesChunks() {
    var cursor = ChunkCursor(at: 0)
    cursor.advance(bytes: 250, messageByteCount: 100)
    #expect(cursor.chunk == 2)
    #expect(cursor.offset == 50)
    cursor.advance(bytes: 50, messageByteCount: 100)
    #expect(cursor.chunk == 3)
    #expect(cursor.offset == 0)
  }

  /// However a client takes its bytes, it gets whole messages, in order, none twice, and every
  /// message is either received or counted as dropped.
  @Test(arguments: [UInt64](1...100))
  func everyMessageIsWholeOrCounted(seed: UInt64) {
    let message = 100
    let queueSize = 5
    var random = SeededGenerator(seed: seed)
    var cursor = ChunkCursor(at: 0)
    var received: [(chunk: Int, offset: Int)] = []
    var owed: (chunk: Int, offset: Int)?
    var published = 0
    for _ in 0..<500 {
      published += Int.random(in: 0...3, using: &random)
      if case .finish(let chunk, let offset) = cursor.trim(
        published: published, queueSize: queueSize)
      {
        owed = (chunk, offset)
      }
      var budget = Int.random(in: 0...250, using: &random)
      while budget > 0 {
        if let (chunk, offset) = owed {
          received.append((chunk, offset))
          owed = offset + 1 == message ? nil : (chunk, offset + 1)
        } else if cursor.chunk < published {
          received.append((cursor.chunk, cursor.offset))
          cursor.advance(bytes: 1, messageByteCount: message)
        } else {
          break
        }
        budget -= 1
      }
    }
    var expectedOffset = 0
    var lastChunk = -1
    for (chunk, offset) in received {
      #expect(offset == expectedOffset, "seed \(seed)")
      if offset == 0 {
        #expect(chunk > lastChunk, "seed \(seed)")
        lastChunk = chunk
      }
      #expect(chunk == lastChunk, "seed \(seed)")
      expectedOffset = (offset + 1) % message
    }
    let whole = received.count { $0.offset == message - 1 }
    let begun = received.count { $0.offset == 0 } - whole
    #expect(
      whole + begun + cursor.dropped + (published - cursor.chunk) - (cursor.offset > 0 ? 1 : 0)
        == published, "seed \(seed)")
  }
}
