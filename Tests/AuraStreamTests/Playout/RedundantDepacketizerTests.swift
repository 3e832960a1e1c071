import AuraStream
import Testing

struct RedundantDepacketizerTests {
  private func parts(
    _ bytes: [UInt8], type: UInt8, _ depacketizer: inout RedundantDepacketizer
  ) -> [RedundantDepacketizer.Part] {
    unsafe depacketizer.parts(of: bytes.span.bytes, payloadType: type, timestamp: 100)
  }

  @Test func aPlainPayloadIsOneFrame() {
    var depacketizer = RedundantDepacketizer(payloadType: 111, redundantPayloadType: 63)
    let plain = parts([1, 2, 3], type: 111, &depacketizer)
    #expect(plain == [.init(timestamp: 100, range: 0..<3, isCurrent: true)])
    #expect(depacketizer.refused == 0)
  }

  @Test func aRedundantPayloadIsTakenApartNewestFirst() {
    var depacketizer = RedundantDepacketizer(payloadType: 111, redundantPayloadType: 63)
    // Offset 480 and two bytes, offset 240 and one byte, then the current frame of three.
    let offset = { (frames: UInt32, length: UInt32) -> [UInt8] in
      let word = 0x8000_0000 | 111 << 24 | frames << 10 | length
      return (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) }
    }
    let bytes = offset(480, 2) + offset(240, 1) + [111, 1, 2, 3, 4, 5, 6]
    let read = parts(bytes, type: 63, &depacketizer)
    #expect(
      read == [
        .init(timestamp: 100, range: 12..<15, isCurrent: true),
        .init(timestamp: UInt32(bitPattern: 100 - 240), range: 11..<12, isCurrent: false),
        .init(timestamp: UInt32(bitPattern: 100 - 480), range: 9..<11, isCurrent: false),
      ])
  }

  @Test func anythingElseIsCountedAndNothing() {
    var depacketizer = RedundantDepacketizer(payloadType: 111, redundantPayloadType: nil)
    let read1 = parts([1], type: 63, &depacketizer)
    #expect(read1.isEmpty)
    let read2 = parts([], type: 111, &depacketizer)
    #expect(read2.isEmpty)
    depacketizer = RedundantDepacketizer(payloadType: 111, redundantPayloadType: 63)
    let read3 = parts([0xff, 0xff, 0xff], type: 63, &depacketizer)
    #expect(read3.isEmpty)
    #expect(depacketizer.refused == 1)
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0..<40, using: &generator)).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      for part in parts(bytes, type: 63, &depacketizer) {
        #expect(part.range.upperBound <= bytes.count && !part.range.isEmpty)
      }
    }
  }
}
