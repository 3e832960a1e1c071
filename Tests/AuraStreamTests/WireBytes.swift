/// The bytes of hexadecimal digits; anything else between them is for the eye.
func hex(_ text: String) -> [UInt8] {
  let digits = text.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count - 1, by: 2).map {
    UInt8(digits[$0] << 4 | digits[$0 + 1])
  }
}

extension SeededGenerator {
  /// The bytes with one to eight things done to them: bits turned, bytes overwritten with odd
  /// values, taken out, put in, repeated, or the end cut off.
  mutating func mutated(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0..<Int.random(in: 1...8, using: &self) {
      guard !bytes.isEmpty else { return bytes }
      let place = Int.random(in: 0..<bytes.count, using: &self)
      let length = Int.random(in: 1...min(16, bytes.count - place), using: &self)
      switch Int.random(in: 0..<6, using: &self) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &self)
      case 1: bytes[place] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &self) ?? 0
      case 2: bytes[place] = .random(in: 0...255, using: &self)
      case 3: bytes.removeSubrange(place..<place + length)
      case 4: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
      default: bytes.removeSubrange(place...)
      }
    }
    return bytes
  }
}
