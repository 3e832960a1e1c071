/// Makes redundant payloads (RFC 2198) of the frames it is shown, one after the other.
///
/// Belongs to the thread that makes packets. Allocates only when it is made.
package struct RedundantAudioWriter: Sendable {
  /// How many older frames it remembers, at most 8.
  package let depth: Int

  private struct Slot {
    var timestamp: UInt32 = 0
    /// Zero when there is nothing usable in it.
    var byteCount = 0
  }

  private var slots: [Slot]
  private var bytes: [UInt8]
  private var next = 0

  package init(depth: Int) {
    self.depth = min(max(1, depth), 8)
    slots = Array(repeating: Slot(), count: self.depth)
    bytes = Array(repeating: 0, count: self.depth * RedundantAudio.longestBlock)
  }

  /// Writes a payload with `frame` in it and as many of the frames before as fit, then remembers it.
  ///
  /// An older frame is left out when it is longer than 1,023 bytes or more than 16,383 timestamp units
  /// back; of those that do not all fit, the oldest go.
  ///
  /// - Parameters:
  ///   - frame: the encoded frame, remembered however this ends.
  ///   - timestamp: of its first sample.
  ///   - payloadType: what the frames are called.
  ///   - packet: where to write, as long as the payload may become.
  /// - Returns: the payload's bytes; nil when not even `frame` fits.
  package mutating func write(
    _ frame: RawSpan, timestamp: UInt32, payloadType: UInt8,
    into packet: UnsafeMutableRawBufferPointer
  ) -> Int? {
    defer { remember(frame, timestamp) }
    var total = 1 + frame.byteCount
    guard total <= packet.count else { return nil }
    // Bit `age` stands for the frame shown `age` frames ago; the newest are chosen first.
    var chosen: UInt16 = 0
    for age in 1...depth {
      let slot = slots[index(age)]
      let offset = timestamp &- slot.timestamp
      guard slot.byteCount > 0, offset > 0, offset <= UInt32(RedundantAudio.greatestOffset) else {
        continue
      }
      guard total + 4 + slot.byteCount <= packet.count else { break }
      total += 4 + slot.byteCount
      chosen |= 1 << UInt16(age)
    }
    var place = 0
    for younger in 0..<depth {
      let age = depth - younger
      guard chosen & 1 << UInt16(age) != 0 else { continue }
      let slot = slots[index(age)]
      let header =
        UInt32(0x80 | payloadType) << 24 | (timestamp &- slot.timestamp) << 10
        | UInt32(slot.byteCount)
      unsafe packet.storeBytes(of: header.bigEndian, toByteOffset: place, as: UInt32.self)
      place += 4
    }
    unsafe packet[place] = payloadType & 0x7f
    place += 1
    for younger in 0..<depth {
      let age = depth - younger
      guard chosen & 1 << UInt16(age) != 0 else { continue }
      let start = index(age) * RedundantAudio.longestBlock
      let count = slots[index(age)].byteCount
      for offset in 0..<count { unsafe packet[place + offset] = bytes[start + offset] }
      place += count
    }
    for offset in 0..<frame.byteCount { unsafe packet[place + offset] = frame.byte(at: offset) }
    return total
  }

  /// Forgets every frame, for a stream that begins anew.
  package mutating func reset() {
    for index in slots.indices { slots[index].byteCount = 0 }
  }

  /// The slot of the frame shown `age` frames ago.
  private func index(_ age: Int) -> Int { (next + depth - age) % depth }

  private mutating func remember(_ frame: RawSpan, _ timestamp: UInt32) {
    let fits = frame.byteCount <= RedundantAudio.longestBlock
    slots[next] = Slot(timestamp: timestamp, byteCount: fits ? frame.byteCount : 0)
    if fits {
      let start = next * RedundantAudio.longestBlock
      for offset in 0..<frame.byteCount { bytes[start + offset] = frame.byte(at: offset) }
    }
    next = (next + 1) % depth
  }
}
