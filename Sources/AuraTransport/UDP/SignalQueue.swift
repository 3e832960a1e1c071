internal import Synchronization

/// Values on their way from one thread to another: one writer, one reader, a fixed number of slots.
///
/// Neither side waits or locks. The writer publishes `tail`, the reader `head`, each with release
/// ordering; between the two a slot holds a value that only the reader may move out.
@safe final class SignalQueue<Element: Sendable & ~Copyable>: @unchecked Sendable {
  let capacity: Int
  private let slots: UnsafeMutablePointer<Element>
  private let head = Atomic<Int>(0)
  private let tail = Atomic<Int>(0)

  init(capacity: Int) {
    self.capacity = capacity
    unsafe slots = .allocate(capacity: capacity)
  }

  deinit {
    while pop() != nil {}
    unsafe slots.deallocate()
  }

  /// Writer: how many more fit, at least.
  var room: Int {
    capacity - (tail.load(ordering: .relaxed) - head.load(ordering: .acquiring))
  }

  /// Writer: appends a value. Ask `room` first: a full queue is our bug.
  func push(_ element: consuming Element) {
    precondition(room > 0, "a full queue takes nothing")
    let tail = tail.load(ordering: .relaxed)
    unsafe (slots + tail % capacity).initialize(to: element)
    self.tail.store(tail + 1, ordering: .releasing)
  }

  /// Reader: takes the oldest value; nil when there is none.
  func pop() -> Element? {
    let head = head.load(ordering: .relaxed)
    guard tail.load(ordering: .acquiring) > head else { return nil }
    let element = unsafe (slots + head % capacity).move()
    self.head.store(head + 1, ordering: .releasing)
    return element
  }
}
