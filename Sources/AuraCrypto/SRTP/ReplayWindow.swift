/// Which packet indices have come (RFC 3711 §3.3.2), in the way of RFC 6479.
struct ReplayWindow {
  /// How far behind the newest an index may be: 4.8 s of 5 ms packets, as long as any repair.
  static let width: UInt64 = 64 * 15

  /// The newest index that has come.
  private(set) var highest: UInt64?
  /// A bit for each index, a ring of words. The word ahead is cleared as the newest moves into it.
  private var words = InlineArray<16, UInt64>(repeating: 0)

  /// Throws if an index has come or is too old to tell.
  func check(_ index: UInt64) throws(SRTPError) {
    guard let highest, index <= highest else { return }
    if highest - index >= Self.width { throw .tooOld }
    if words[Self.word(index)] & Self.bit(index) != 0 { throw .replayed }
  }

  /// Notes an index that `check` has let pass and that was authentic.
  mutating func note(_ index: UInt64) {
    if let highest {
      let steps = index > highest ? min(index >> 6 - highest >> 6, 16) : 0
      for step in 0..<steps { words[Self.word(index - step << 6)] = 0 }
    }
    words[Self.word(index)] |= Self.bit(index)
    highest = max(highest ?? 0, index)
  }

  private static func word(_ index: UInt64) -> Int { Int(index >> 6 & 15) }
  private static func bit(_ index: UInt64) -> UInt64 { 1 << (index & 63) }
}
