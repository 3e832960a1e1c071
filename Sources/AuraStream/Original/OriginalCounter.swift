/// Counts the messages of the original protocol in a byte stream, however it was split, and keeps none
/// of them: for whoever wants to know that sound comes, and not how it sounds.
package struct OriginalCounter: Sendable {
  /// Whole messages that have come, the announcement among them.
  package private(set) var messages = 0

  private var prefix: UInt32 = 0
  private var prefixBytes = 0
  private var remaining = 0
  private var chunkBytes: Int?

  package init() {}

  /// Takes what was received.
  ///
  /// - Parameter bytes: the next bytes of the stream.
  /// - Returns: whether they are this protocol; after false the counter is of no more use.
  package mutating func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var place = 0
    while place < bytes.count {
      if remaining > 0 {
        let step = min(remaining, bytes.count - place)
        place += step
        remaining -= step
        if remaining == 0 { messages += 1 }
        continue
      }
      prefix = prefix << 8 | UInt32(unsafe bytes[place])
      place += 1
      prefixBytes += 1
      guard prefixBytes == 4 else { continue }
      guard isSensible(Int(prefix)) else { return false }
      remaining = Int(prefix)
      (prefix, prefixBytes) = (0, 0)
    }
    return true
  }

  /// The announcement is short, and every message after it as long as the first of them.
  private mutating func isSensible(_ length: Int) -> Bool {
    if messages == 0 { return (2...OriginalParser.longestAnnouncement).contains(length) }
    if let chunkBytes { return length == chunkBytes }
    chunkBytes = length
    return (4...(1 << 22)).contains(length)
  }
}
