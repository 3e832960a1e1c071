internal import AuraStream

extension Target {
  /// The history that packets are repeated from, small enough to be always full.
  static let history = Target(
    name: "history", executions: 20_000, longest: 300, run: tryHistory,
    seeds: {
      [
        [3, 0, 200] + (0..<12).flatMap { [0, 40, 0, 3, $0, 4, $0] as [UInt8] },
        [1, 0, 90, 0, 89, 0, 1, 2, 90, 9, 4, 0, 3, 0, 0, 10, 0, 5, 0, 1, 4, 1],
      ]
    })
}

private func tryHistory(_ bytes: [UInt8]) {
  var program = ByteProgram(bytes)
  let packets = 1 + Int(program.byte() & 63)
  var byteCapacity = 64 + Int(program.uint16() & 0xfff)
  var history = PacketHistory(packets: packets, byteCapacity: byteCapacity)
  var kept: [UInt64: [UInt8]] = [:]
  var newest: UInt64?
  var next: UInt64 = 0
  var now = HostTime(nanoseconds: 0)
  while !program.isAtEnd {
    switch program.byte() & 7 {
    case 0...2:
      // Room, of which a part is used, for an index that may lie far ahead.
      let room = unsafe history.makeRoom(Int(program.byte()) * 4 % (byteCapacity + 1))
      let unused = Int(program.byte() & 15)
      guard unused < 15 else { break }
      for place in 0..<room.count {
        unsafe room[place] = UInt8(truncatingIfNeeded: Int(next) &* 31 &+ place)
      }
      let byteCount = max(0, room.count - unused)
      history.keep(index: next, byteCount: byteCount, sentAt: now)
      kept[next] = unsafe Array(room[..<byteCount])
      let packet = unsafe history.packet(next).map { unsafe Array($0) }
      check(packet == kept[next], "the newest is there")
      newest = next
      next += 1
    case 3:
      next += UInt64(program.byte())
    case 4, 5:
      guard let newest else { break }
      let back = UInt64(program.byte())
      let index = history.index(of: UInt16(truncatingIfNeeded: newest &- back))
      check(index == (back <= newest ? newest - back : nil), "a number means its latest packet")
      guard let index else { break }
      let wasRepeated = history.wasRepeated(index)
      switch history.takeAgain(index, pause: .milliseconds(10), most: 3, now: now) {
      case .packet(let packet):
        check(unsafe Array(packet) == kept[index], "a packet comes again as it was kept")
        check(history.wasRepeated(index), "a repeat is noted")
      case .tooSoon: check(wasRepeated, "the first request is met")
      case .unknown: check(unsafe history.packet(index) == nil, "what is there is found")
      }
    case 6 where program.byte() & 7 == 0:
      byteCapacity += Int(program.uint16() & 0xfff)
      let oldest = (newest ?? 0) - min(newest ?? 0, UInt64(packets - 1))
      let before = kept.keys.filter { unsafe $0 >= oldest && history.packet($0) != nil }
      history.grow(to: byteCapacity)
      for index in before {
        check(unsafe history.packet(index) != nil, "a larger history keeps the last packets")
      }
    case 6: now = now + .milliseconds(Int64(program.byte()))
    default:
      for (index, bytes) in kept {
        guard let packet = unsafe history.packet(index) else { continue }
        check(unsafe Array(packet) == bytes, "a packet stays as it was kept")
      }
    }
  }
}
