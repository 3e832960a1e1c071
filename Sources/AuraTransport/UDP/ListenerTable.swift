internal import AuraStream

/// A shard's listeners, in the order they joined: everyone's place in a round stays the same, so
/// that waiting for the others is a constant delay and no jitter. For one thread.
@safe struct ListenerTable: ~Copyable {
  private var storage: UnsafeMutablePointer<ShardListener>
  private var capacity = 16
  private(set) var count = 0

  init() { unsafe storage = .allocate(capacity: capacity) }

  deinit {
    unsafe storage.deinitialize(count: count)
    unsafe storage.deallocate()
  }

  /// Takes a listener in. As a rule it is the last; but whoever joined before others may finish its
  /// handshake after them.
  mutating func insert(_ listener: consuming ShardListener) {
    if count == capacity { grow() }
    let place = firstPlace(from: listener.id)
    unsafe (storage + place + 1).moveInitialize(from: storage + place, count: count - place)
    unsafe (storage + place).initialize(to: listener)
    count += 1
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<ShardListener>.allocate(capacity: 2 * capacity)
    unsafe larger.moveInitialize(from: storage, count: count)
    unsafe storage.deallocate()
    unsafe storage = larger
    capacity *= 2
  }

  /// Removes a listener; those behind it move up.
  mutating func remove(_ id: ListenerID) {
    guard let place = place(of: id) else { return }
    _ = unsafe (storage + place).move()
    unsafe (storage + place).moveInitialize(from: storage + place + 1, count: count - place - 1)
    count -= 1
  }

  /// Calls `body` with each listener, in order.
  mutating func forEach(_ body: (inout ShardListener) -> Void) {
    for place in 0..<count { unsafe body(&storage[place]) }
  }

  /// Calls `body` with one listener, if it is here.
  mutating func with(_ id: ListenerID, _ body: (inout ShardListener) -> Void) {
    if let place = place(of: id) { unsafe body(&storage[place]) }
  }

  private func place(of id: ListenerID) -> Int? {
    let place = firstPlace(from: id)
    guard place < count else { return nil }
    return unsafe storage[place].id == id ? place : nil
  }

  /// Where ids begin that are not less than this one.
  private func firstPlace(from id: ListenerID) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if unsafe storage[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
