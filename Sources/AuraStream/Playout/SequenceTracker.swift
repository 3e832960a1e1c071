/// Counts the wraps of sequence numbers and tells what is missing (RFC 3550 appendix A.1).
package struct SequenceTracker: Sendable {
  /// How a packet stands to those before it.
  package enum Arrival: Equatable, Sendable {
    /// The first of all, or the one that was expected.
    case next
    /// These, before it, have not come.
    case ahead(missing: Range<Int64>)
    /// That many packets later ones came before it.
    case behind(by: Int)
    /// The sender counts anew: all that was known is void.
    case restarted
    /// Far off, and alone so far: it may be the first of a new count, or a stray.
    case stray
  }

  /// How far a number may be off without being a new count: a second of the shortest packets, and more.
  package static let farthest = 3_000

  /// The newest packet's number, with its wraps.
  package private(set) var newest: Int64?
  private var stray: UInt16?

  package init() {}

  /// Takes note of a packet.
  ///
  /// - Parameter number: its sequence number.
  /// - Returns: the number with its wraps, from the first packet's on, and what it means.
  package mutating func note(_ number: UInt16) -> (index: Int64, arrival: Arrival) {
    guard let newest else { return begin(number, .next) }
    let index = self.index(of: number, near: newest)
    let step = Int(index - newest)
    guard abs(step) < Self.farthest else {
      if let stray, number == stray &+ 1 { return begin(number, .restarted) }
      stray = number
      return (index, .stray)
    }
    stray = nil
    guard step > 0 else { return (index, .behind(by: -step)) }
    self.newest = index
    return (index, step == 1 ? .next : .ahead(missing: newest + 1..<index))
  }

  private mutating func begin(_ number: UInt16, _ arrival: Arrival) -> (Int64, Arrival) {
    // Room below, for those that the first has overtaken.
    let index = 1 << 16 + Int64(number)
    newest = index
    stray = nil
    return (index, arrival)
  }

  private func index(of number: UInt16, near newest: Int64) -> Int64 {
    newest + Int64(Int16(bitPattern: number &- UInt16(truncatingIfNeeded: newest)))
  }
}
