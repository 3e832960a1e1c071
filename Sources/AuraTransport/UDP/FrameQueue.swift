internal import AuraStream
internal import Synchronization

/// One encoded frame of the broadcast, as every listener gets it.
struct EncodedFrame {
  /// Frames at 48 kHz from the broadcast's beginning, from a random start; wraps.
  var timestamp: UInt32
  /// The instant of the first frame on the broadcast's fitted timeline.
  var capturedAt: HostTime
  /// Whether the timestamp has jumped.
  var marker: Bool
  var byteCount: Int
}

/// Encoded frames on their way from the media thread to one sender shard.
///
/// One writer, one reader, a fixed number of slots; a frame that finds none free is dropped and
/// counted. The writer publishes `tail`, the reader `head`, each with release ordering, so a
/// slot is never touched by both.
@safe final class FrameQueue: @unchecked Sendable {
  /// 0.3 s of the shortest packets: what comes later is of no use to anyone.
  static let slots = 64
  static let slotBytes = OutgoingFlow.mostPayloadBytes

  private let bytes: UnsafeMutableRawBufferPointer
  private let frames: UnsafeMutablePointer<EncodedFrame>
  private let head = Atomic<Int>(0)
  private let tail = Atomic<Int>(0)
  private let overflow = Atomic<Int>(0)

  init() {
    unsafe bytes = .allocate(byteCount: Self.slots * Self.slotBytes, alignment: 16)
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
    unsafe frames = .allocate(capacity: Self.slots)
    unsafe frames.initialize(
      repeating: EncodedFrame(
        timestamp: 0, capturedAt: HostTime(nanoseconds: 0), marker: false, byteCount: 0),
      count: Self.slots)
  }

  deinit {
    unsafe bytes.deallocate()
    unsafe frames.deallocate()
  }

  /// Frames dropped because the shard did not come.
  var dropped: Int { overflow.load(ordering: .relaxed) }

  /// Writer: appends a frame; one that is longer than a slot is dropped.
  func push(_ payload: Span<UInt8>, _ frame: EncodedFrame) {
    let tail = tail.load(ordering: .relaxed)
    guard payload.count <= Self.slotBytes, tail - head.load(ordering: .acquiring) < Self.slots
    else {
      overflow.wrappingAdd(1, ordering: .relaxed)
      return
    }
    let slot = tail % Self.slots
    unsafe payload.withUnsafeBytes { source in
      unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[(slot * Self.slotBytes)...])
        .copyMemory(from: source)
    }
    var frame = frame
    frame.byteCount = payload.count
    unsafe frames[slot] = frame
    self.tail.store(tail + 1, ordering: .releasing)
  }

  /// Reader: the oldest frame, which stays until `removeFirst`; nil when there is none.
  var first: (frame: EncodedFrame, payload: UnsafeRawBufferPointer)? {
    let head = head.load(ordering: .relaxed)
    guard tail.load(ordering: .acquiring) > head else { return nil }
    let slot = head % Self.slots
    let frame = unsafe frames[slot]
    let start = slot * Self.slotBytes
    return unsafe (
      frame, UnsafeRawBufferPointer(rebasing: bytes[start..<start + frame.byteCount])
    )
  }

  /// Reader: gives the oldest frame's slot back.
  func removeFirst() {
    head.wrappingAdd(1, ordering: .releasing)
  }
}
