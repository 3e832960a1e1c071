/// The bytes of a hexadecimal text; spaces and line ends are left out.
func hex(_ text: String) -> [UInt8] {
  let digits = text.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count - 1, by: 2).map {
    UInt8(digits[$0] << 4 | digits[$0 + 1])
  }
}

/// Lets a function that works in place work on an array with room at its end.
func inPlace<E: Error>(
  _ bytes: [UInt8], room: Int = 0,
  _ change: (UnsafeMutableRawBufferPointer) throws(E) -> Int
) throws(E) -> [UInt8] {
  var bytes = bytes + [UInt8](repeating: 0xee, count: room)
  let end = bytes.count
  var result: Result<Int, E> = .success(0)
  unsafe bytes.withUnsafeMutableBytes { buffer in
    do throws(E) { result = .success(try unsafe change(buffer)) } catch { result = .failure(error) }
  }
  let length = try result.get()
  precondition(length <= end)
  return Array(bytes[..<length])
}

/// Numbers that are the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Random bytes.
  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
  }
}
