/// The encrypted packets that one listener was sent last, to be sent again as they are.
///
/// What is kept is the ciphertext: sending a packet again can then never encrypt its index a
/// second time. A ring of bytes and a ring of entries; the oldest packets go when new ones need their
/// bytes. Memory is taken at the beginning, and by `grow`. For one thread.
@safe package struct PacketHistory: ~Copyable {
  private struct Entry {
    var index: UInt64 = .max
    /// Where its bytes begin, counted since the beginning; the ring wraps, this does not.
    var position = 0
    var byteCount = 0
    var sentAt = HostTime(nanoseconds: 0)
    var repeats = 0
  }

  /// How many packets it can hold at most.
  package let capacity: Int
  /// How many bytes.
  package private(set) var byteCapacity: Int

  private var bytes: UnsafeMutableRawBufferPointer
  private let entries: UnsafeMutablePointer<Entry>
  private var end = 0
  private var roomStart = 0
  private var newest: UInt64?

  /// An empty history.
  ///
  /// - Parameters:
  ///   - packets: how many at least; rounded up to a power of two.
  ///   - byteCapacity: their bytes; a packet must fit in.
  package init(packets: Int, byteCapacity: Int) {
    var capacity = 1
    while capacity < packets { capacity *= 2 }
    self.capacity = capacity
    self.byteCapacity = byteCapacity
    unsafe bytes = .allocate(byteCount: byteCapacity, alignment: 16)
    unsafe entries = .allocate(capacity: capacity)
    unsafe entries.initialize(repeating: Entry(), count: capacity)
  }

  deinit {
    unsafe bytes.deallocate()
    unsafe entries.deallocate()
  }

  /// Takes more memory, for packets have become longer; what is here of the last `capacity` indices stays.
  /// Rooms made before are no longer valid.
  ///
  /// - Parameter byteCapacity: does nothing when it is no more than there is.
  package mutating func grow(to byteCapacity: Int) {
    guard byteCapacity > self.byteCapacity else { return }
    let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCapacity, alignment: 16)
    var next = 0
    let last = newest ?? 0
    for index in (last - min(last, UInt64(capacity - 1)))...last {
      let slot = Int(index % UInt64(capacity))
      guard let packet = unsafe packet(index) else {
        unsafe entries[slot].index = .max
        continue
      }
      unsafe UnsafeMutableRawBufferPointer(rebasing: larger[next...]).copyMemory(from: packet)
      unsafe entries[slot].position = next
      next += packet.count
    }
    unsafe bytes.deallocate()
    unsafe bytes = larger
    self.byteCapacity = byteCapacity
    end = next
    roomStart = next
  }

  /// Makes room for the next packet; what was there before is forgotten.
  ///
  /// - Parameter byteCount: the packet's longest length, at most `byteCapacity`.
  /// - Returns: the room. It stays valid until later packets need it.
  package mutating func makeRoom(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
    precondition(byteCount <= byteCapacity, "a packet must fit into the history")
    var start = end % byteCapacity
    if start + byteCount > byteCapacity {
      end += byteCapacity - start
      start = 0
    }
    roomStart = end
    end += byteCount
    return unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + byteCount])
  }

  /// Keeps what was put into the room that was made last.
  ///
  /// - Parameters:
  ///   - index: the packet's index: it grows with every packet.
  ///   - byteCount: how much of the room it takes, from its beginning.
  ///   - now: when it is sent.
  package mutating func keep(index: UInt64, byteCount: Int, sentAt now: HostTime) {
    precondition(newest.map { index > $0 } ?? true, "a packet's index is used once")
    precondition(byteCount <= end - roomStart, "a packet must fit into its room")
    newest = index
    unsafe entries[Int(index % UInt64(capacity))] = Entry(
      index: index, position: roomStart, byteCount: byteCount, sentAt: now)
  }

  /// A packet that is still here.
  package func packet(_ index: UInt64) -> UnsafeRawBufferPointer? {
    let entry = unsafe entries[Int(index % UInt64(capacity))]
    guard entry.index == index, end - entry.position <= byteCapacity else { return nil }
    let start = entry.position % byteCapacity
    return unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<start + entry.byteCount])
  }

  /// The index of the latest packet with these lower 16 bits.
  package func index(of sequenceNumber: UInt16) -> UInt64? {
    guard let newest else { return nil }
    let behind = UInt64(UInt16(truncatingIfNeeded: newest) &- sequenceNumber)
    return behind <= newest ? newest - behind : nil
  }

  /// How a request to repeat a packet is answered.
  @safe package enum Answer {
    case packet(UnsafeRawBufferPointer)
    /// It was sent a moment ago, or too often.
    case tooSoon
    /// It is not here any more, or never was.
    case unknown
  }

  /// Takes a packet out to be sent again.
  ///
  /// - Parameters:
  ///   - index: which one.
  ///   - pause: how long after it was last sent it may go again.
  ///   - most: how many times altogether.
  ///   - now: when it was asked for.
  /// - Returns: the packet, or why not.
  package mutating func takeAgain(
    _ index: UInt64, pause: Duration, most: Int, now: HostTime
  ) -> Answer {
    guard let packet = unsafe packet(index) else { return .unknown }
    let slot = Int(index % UInt64(capacity))
    guard unsafe entries[slot].repeats < most else { return .tooSoon }
    // The first request cannot be a repetition of itself, however early it comes.
    if unsafe entries[slot].repeats > 0, now - (unsafe entries[slot].sentAt) < pause {
      return .tooSoon
    }
    unsafe entries[slot].repeats += 1
    unsafe entries[slot].sentAt = now
    return unsafe .packet(packet)
  }

  /// Whether the packet has been asked for before.
  package func wasRepeated(_ index: UInt64) -> Bool {
    let entry = unsafe entries[Int(index % UInt64(capacity))]
    return entry.index == index && entry.repeats > 0
  }
}
