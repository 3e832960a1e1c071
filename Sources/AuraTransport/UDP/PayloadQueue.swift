internal import AuraStream
internal import Synchronization

/// Payloads, each with something known of it, on their way from one thread to another.
///
/// One writer, one reader, a fixed number of slots; a payload that finds none free is dropped and
/// counted. The writer publishes `tail`, the reader `head`, each with release ordering, so a
/// slot is never touched by both.
@safe final class PayloadQueue<Header: Sendable>: @unchecked Sendable {
  static var slotBytes: Int { OutgoingFlow.mostPayloadBytes }

  private struct Slot {
    var header: Header
    var byteCount: Int
  }

  private let slots: Int
  private let bytes: UnsafeMutableRawBufferPointer
  private let headers: UnsafeMutablePointer<Slot>
  private let head = Atomic<Int>(0)
  private let tail = Atomic<Int>(0)
  private let overflow = Atomic<Int>(0)

  /// A queue of so many slots.
  init(slots: Int) {
    self.slots = slots
    unsafe bytes = .allocate(byteCount: slots * Self.slotBytes, alignment: 16)
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
    unsafe headers = .allocate(capacity: slots)
  }

  deinit {
    while unsafe first != nil { removeFirst() }
    unsafe bytes.deallocate()
    unsafe headers.deallocate()
  }

  /// Payloads dropped because the reader did not come.
  var dropped: Int { overflow.load(ordering: .relaxed) }

  /// Writer: appends a payload; one that is longer than a slot is dropped.
  func push(_ payload: Span<UInt8>, _ header: Header) {
    unsafe payload.withUnsafeBytes { unsafe push($0, header) }
  }

  /// Writer: appends a payload; one that is longer than a slot is dropped.
  func push(_ payload: UnsafeRawBufferPointer, _ header: Header) {
    let tail = tail.load(ordering: .relaxed)
    guard payload.count <= Self.slotBytes, tail - head.load(ordering: .acquiring) < slots
    else {
      overflow.wrappingAdd(1, ordering: .relaxed)
      return
    }
    let slot = tail % slots
    unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[(slot * Self.slotBytes)...])
      .copyMemory(from: payload)
    unsafe (headers + slot).initialize(to: Slot(header: header, byteCount: payload.count))
    self.tail.store(tail + 1, ordering: .releasing)
  }

  /// Reader: the oldest payload, which stays until `removeFirst`; nil when there is none.
  var first: (header: Header, payload: UnsafeRawBufferPointer)? {
    let head = head.load(ordering: .relaxed)
    guard tail.load(ordering: .acquiring) > head else { return nil }
    let slot = unsafe headers[head % slots]
    let start = head % slots * Self.slotBytes
    return unsafe (
      slot.header, UnsafeRawBufferPointer(rebasing: bytes[start..<start + slot.byteCount])
    )
  }

  /// Reader: gives the oldest payload's slot back.
  func removeFirst() {
    let head = head.load(ordering: .relaxed)
    unsafe (headers + head % slots).deinitialize(count: 1)
    self.head.store(head + 1, ordering: .releasing)
  }
}
