/// What has come of one source, by header alone: counts for reports and for people (RFC 3550
/// appendix A). Allocates nothing.
package struct ReceptionRecord: Equatable, Sendable {
  /// What a packet turned out to be.
  package enum Arrival: Equatable, Sendable {
    /// Newer than all before.
    case inOrder
    /// New, and older than another that came before it.
    case late
    /// It came before.
    case duplicate
    /// So much older than the newest that it cannot be told whether it came before.
    case tooOld
  }

  /// How far behind the newest a packet may be.
  package static let width: UInt64 = 64 * 15

  /// Packets, each counted once.
  package private(set) var received = 0
  package private(set) var late = 0
  package private(set) var duplicates = 0
  package private(set) var tooOld = 0
  /// Interarrival jitter in timestamp units (RFC 3550 section 6.4.1).
  package private(set) var jitter = 0.0
  /// The newest packet's number, wraps counted.
  package private(set) var highest: UInt64?

  private var first: UInt64 = 0
  private var words = InlineArray<16, UInt64>(repeating: 0)
  private var transit: Int64?
  private var reported = (expected: 0, received: 0)

  package init() {}

  package static func == (a: Self, b: Self) -> Bool {
    (a.received, a.late, a.duplicates, a.tooOld, a.jitter, a.highest)
      == (b.received, b.late, b.duplicates, b.tooOld, b.jitter, b.highest)
  }

  /// Packets there must have been, from the first to the newest.
  package var expected: Int { highest.map { Int($0 - first) + 1 } ?? 0 }

  /// Packets that have not come, or not yet.
  package var missing: Int { expected - received }

  /// A packet has come.
  ///
  /// - Parameters:
  ///   - sequenceNumber: its 16 bits.
  ///   - timestamp: its media time, at 48 kHz.
  ///   - now: when it came.
  /// - Returns: what it turned out to be.
  package mutating func note(
    sequenceNumber: UInt16, timestamp: UInt32, now: HostTime
  ) -> Arrival {
    let index = self.index(of: sequenceNumber)
    guard let highest else {
      self.highest = index
      first = index
      return take(index, .inOrder, timestamp, now)
    }
    if index > highest {
      for step in 0..<min(index >> 6 - highest >> 6, 16) {
        words[Self.word(index - step << 6)] = 0
      }
      self.highest = index
      return take(index, .inOrder, timestamp, now)
    }
    guard highest - index < Self.width else {
      tooOld += 1
      return .tooOld
    }
    guard words[Self.word(index)] & Self.bit(index) == 0 else {
      duplicates += 1
      return .duplicate
    }
    first = min(first, index)
    late += 1
    return take(index, .late, timestamp, now)
  }

  private mutating func take(
    _ index: UInt64, _ arrival: Arrival, _ timestamp: UInt32, _ now: HostTime
  ) -> Arrival {
    received += 1
    words[Self.word(index)] |= Self.bit(index)
    let units = Int64(Duration.nanoseconds(now.nanoseconds).frames())
    // Timestamps wrap, so their difference to the arrival does.
    let transit = Int64(Int32(truncatingIfNeeded: units - Int64(timestamp)))
    if let last = self.transit {
      let change = Int32(truncatingIfNeeded: transit - last).magnitude
      jitter += (Double(change) - jitter) / 16
    }
    self.transit = transit
    return arrival
  }

  /// Whether a packet with this number has come; false too when it cannot be told.
  package func hasSeen(_ sequenceNumber: UInt16) -> Bool {
    let index = index(of: sequenceNumber)
    guard let highest, index <= highest, highest - index < Self.width else { return false }
    return words[Self.word(index)] & Self.bit(index) != 0
  }

  /// Counts a packet that `hasSeen` and that was not looked at any further.
  package mutating func noteDuplicate() { duplicates += 1 }

  /// The number nearest to the newest one with these last 16 bits.
  package func index(of sequenceNumber: UInt16) -> UInt64 {
    // Room below the first, for those that it has overtaken.
    guard let highest else { return 1 << 16 + UInt64(sequenceNumber) }
    let step = Int16(bitPattern: sequenceNumber &- UInt16(truncatingIfNeeded: highest))
    return UInt64(max(0, Int64(highest) + Int64(step)))
  }

  /// The fraction of packets lost since the last time, in 1/256.
  package mutating func takeFractionLost() -> UInt8 {
    let expected = self.expected - reported.expected
    let lost = expected - (received - reported.received)
    reported = (self.expected, received)
    guard expected > 0, lost > 0 else { return 0 }
    return UInt8(min(255, lost * 256 / expected))
  }

  private static func word(_ index: UInt64) -> Int { Int(index >> 6 & 15) }
  private static func bit(_ index: UInt64) -> UInt64 { 1 << (index & 63) }
}
