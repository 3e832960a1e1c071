import AuraStream
import Testing

@Suite struct PacketHistoryTests {
  private func add(_ index: UInt64, _ byteCount: Int, to history: inout PacketHistory) {
    let room = unsafe history.makeRoom(byteCount)
    for place in 0..<byteCount {
      unsafe room[place] = UInt8(truncatingIfNeeded: Int(index) + place)
    }
    history.keep(index: index, byteCount: byteCount, sentAt: HostTime(nanoseconds: 0))
  }

  private func isWhole(_ index: UInt64, _ byteCount: Int, in history: borrowing PacketHistory)
    -> Bool
  {
    guard let packet = unsafe history.packet(index) else { return false }
    return packet.count == byteCount
      && packet.indices.allSatisfy {
        unsafe packet[$0] == UInt8(truncatingIfNeeded: Int(index) + $0)
      }
  }

  @Test func growingForgetsNothing() {
    var history = PacketHistory(packets: 8, byteCapacity: 300)
    for index in 100..<120 { add(UInt64(index), 70, to: &history) }
    let kept = (100..<120).filter { isWhole(UInt64($0), 70, in: history) }
    #expect(kept == [116, 117, 118, 119])
    history.grow(to: 1_000)
    for index in kept { #expect(isWhole(UInt64(index), 70, in: history), "\(index)") }
    for index in 120..<124 { add(UInt64(index), 140, to: &history) }
    for index in kept { #expect(isWhole(UInt64(index), 70, in: history), "\(index)") }
    for index in 120..<124 { #expect(isWhole(UInt64(index), 140, in: history), "\(index)") }
    history.grow(to: 10)
    #expect(history.byteCapacity == 1_000)
  }
}
