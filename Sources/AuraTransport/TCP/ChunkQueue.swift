internal import AuraStream
internal import Synchronization

/// Messages on their way from the media thread to the sender thread.
///
/// One writer, one reader, a fixed number of slots; a message that finds none free is dropped and
/// counted. The writer publishes `tail`, the reader `head`, each with release ordering, so a
/// slot is never touched by both.
@safe final class ChunkQueue: @unchecked Sendable {
  static let slots = 64

  private let messageByteCount: Int
  private let bytes: UnsafeMutablePointer<UInt8>
  private let instants: UnsafeMutablePointer<HostTime>
  private let presentations: UnsafeMutablePointer<ChunkPresentation>
  private let head = Atomic<Int>(0)
  private let tail = Atomic<Int>(0)
  private let overflow = Atomic<Int>(0)

  init(format: OriginalFormat) {
    messageByteCount = format.messageByteCount
    unsafe bytes = .allocate(capacity: Self.slots * messageByteCount)
    unsafe instants = .allocate(capacity: Self.slots)
    unsafe presentations = .allocate(capacity: Self.slots)
    unsafe bytes.initialize(repeating: 0, count: Self.slots * messageByteCount)
    unsafe instants.initialize(repeating: HostTime(nanoseconds: 0), count: Self.slots)
    unsafe presentations.initialize(repeating: .live, count: Self.slots)
    for (offset, byte) in OriginalFormat.lengthPrefix(format.chunkByteCount).enumerated() {
      for slot in 0..<Self.slots { unsafe bytes[slot * messageByteCount + offset] = byte }
    }
  }

  deinit {
    unsafe bytes.deallocate()
    unsafe instants.deallocate()
    unsafe presentations.deallocate()
  }

  /// Messages dropped because the sender did not come.
  var dropped: Int { overflow.load(ordering: .relaxed) }

  /// Reader: whether nothing waits.
  var isEmpty: Bool { tail.load(ordering: .acquiring) == head.load(ordering: .relaxed) }

  /// Writer: appends one chunk of exactly the format's size.
  func push(
    _ samples: Span<Float>, capturedAt: HostTime, _ presentation: ChunkPresentation = .live
  ) {
    precondition(samples.count * 4 == messageByteCount - 4, "a chunk has the format's size")
    let tail = tail.load(ordering: .relaxed)
    guard tail - head.load(ordering: .acquiring) < Self.slots else {
      overflow.wrappingAdd(1, ordering: .relaxed)
      return
    }
    let slot = tail % Self.slots
    let body = unsafe UnsafeMutableRawPointer(bytes + slot * messageByteCount + 4)
    // Little-endian float32 is what the wire wants and what every supported machine has.
    unsafe samples.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress {
        unsafe body.copyMemory(from: base, byteCount: bytes.count)
      }
    }
    unsafe instants[slot] = capturedAt
    unsafe presentations[slot] = presentation
    self.tail.store(tail + 1, ordering: .releasing)
  }

  /// Reader: copies the oldest message out.
  ///
  /// - Returns: the instant of the chunk's first frame, and when it is to be heard; nil when the queue is
  ///   empty.
  func pop(into destination: UnsafeMutablePointer<UInt8>) -> (HostTime, ChunkPresentation)? {
    let head = head.load(ordering: .relaxed)
    guard tail.load(ordering: .acquiring) > head else { return nil }
    let slot = head % Self.slots
    unsafe destination.update(from: bytes + slot * messageByteCount, count: messageByteCount)
    let (instant, presentation) = unsafe (instants[slot], presentations[slot])
    self.head.store(head + 1, ordering: .releasing)
    return (instant, presentation)
  }
}
