/// Cuts a byte stream of the original protocol into its messages, however it was split.
///
/// The first message is text; every later one is sound of exactly the announced size. The parser
/// holds at most one message, and refuses a length before it stores a byte of the body.
package struct OriginalParser: Sendable {
  /// What the bytes turned out to be.
  package enum Message: Equatable, Sendable {
    /// The first message's text, as UTF-8 bytes: JSON.
    case announcement([UInt8])
    /// One chunk of sound: interleaved little-endian float32.
    case chunk([UInt8])
  }

  /// Why the bytes cannot be this protocol.
  package enum Failure: Error, Equatable, Sendable {
    /// The first four bytes are no sensible length; they are kept to tell what answered.
    case notOriginal(firstBytes: [UInt8])
    /// A chunk is not as long as announced.
    case chunkLength(bytes: Int, expected: Int)
  }

  /// An announcement has some sixty bytes; a kilobyte leaves room for additions.
  package static let longestAnnouncement = 1024

  private var prefix: [UInt8] = []
  private var body: [UInt8] = []
  private var bodyLength: Int?
  private var chunkByteCount: Int?

  package init() {}

  /// Tells the size of the chunks to come, once the announcement has been understood.
  package mutating func expectChunks(of format: OriginalFormat) {
    chunkByteCount = format.chunkByteCount
  }

  /// Takes bytes from the front of `input` up to the end of one message.
  ///
  /// - Parameter input: what was received; what has been used is removed from it.
  /// - Returns: a message when one is complete; nil when all of `input` is used up.
  /// - Throws: `Failure` when the bytes are not this protocol; the parser is then of no more use.
  package mutating func next(_ input: inout ArraySlice<UInt8>) throws(Failure) -> Message? {
    if bodyLength == nil {
      let wanted = input.prefix(4 - prefix.count)
      prefix += wanted
      input = input.dropFirst(wanted.count)
      guard prefix.count == 4 else { return nil }
      bodyLength = try checkedLength()
      body.reserveCapacity(bodyLength ?? 0)
    }
    guard let length = bodyLength else { return nil }
    let wanted = input.prefix(length - body.count)
    body += wanted
    input = input.dropFirst(wanted.count)
    guard body.count == length else { return nil }
    defer {
      prefix.removeAll(keepingCapacity: true)
      body.removeAll(keepingCapacity: true)
      bodyLength = nil
    }
    return chunkByteCount == nil ? .announcement(body) : .chunk(body)
  }

  private func checkedLength() throws(Failure) -> Int {
    let length = prefix.reduce(0) { $0 << 8 | Int($1) }
    if let expected = chunkByteCount {
      guard length == expected else {
        throw .chunkLength(bytes: length, expected: expected)
      }
    } else {
      guard (2...Self.longestAnnouncement).contains(length) else {
        throw .notOriginal(firstBytes: prefix)
      }
    }
    return length
  }
}
