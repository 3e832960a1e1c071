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
    for index in UInt64(100)..<120 { add(index, 70, to: &history) }
    let kept = (UInt64(100)..<120).filter { isWhole($0, 70, in: history) }
    #expect(kept == [116, 117, 118, 119])
    history.grow(to: 1_000)
    #expect(kept.filter { isWhole($0, 70, in: history) } == kept)
    for index in UInt64(120)..<124 { add(index, 140, to: &history) }
    #expect(kept.filter { isWhole($0, 70, in: history) } == kept)
    #expect((UInt64(120)..<124).count { isWhole($0, 140, in: history) } == 4)
    history.grow(to: 10)
    let capacity = history.byteCapacity
    #expect(capacity == 1_000)
  }
}
