/// Packets that stand for missing ones: each asks the decoder to make sound up (RFC 7845 section 4.1).
///
/// They have the mode, bandwidth and channels of the packet before, and no sound: one byte each.
struct OpusGap {
  /// Frames that no packet was short enough for; they go into the next gap.
  private(set) var remainder = 0

  /// Fills a gap.
  ///
  /// - Parameters:
  ///   - frames: how much is missing, at 48 kHz.
  ///   - last: the first byte of the packet before the gap (RFC 6716 section 3.1).
  ///   - body: given one packet after the other, and its frames.
  /// - Throws: what `body` throws.
  mutating func fill<Failure: Error>(
    _ frames: Int, after last: UInt8, _ body: (UInt8, Int) throws(Failure) -> Void
  ) throws(Failure) {
    remainder += frames
    let configuration = last >> 3
    let isStereo = last & 0b100
    func packet(_ configuration: UInt8) -> UInt8 { configuration << 3 | isStereo }
    while remainder >= Self.frames(configuration) {
      remainder -= Self.frames(configuration)
      try body(packet(configuration), Self.frames(configuration))
    }
    // Only CELT has shorter frames that belong to the same mode.
    guard configuration >= 16 else { return }
    for shorter in stride(from: configuration, through: configuration & ~3, by: -1)
    where remainder >= Self.frames(shorter) {
      remainder -= Self.frames(shorter)
      try body(packet(shorter), Self.frames(shorter))
    }
  }

  /// Frames at 48 kHz of one frame of a configuration (RFC 6716 table 2).
  static func frames(_ configuration: UInt8) -> Int {
    switch configuration {
    case ..<12: [480, 960, 1_920, 2_880][Int(configuration & 3)]
    case ..<16: [480, 960][Int(configuration & 1)]
    default: [120, 240, 480, 960][Int(configuration & 3)]
    }
  }
}
