import AuraStream
import Testing

/// A packet as a test sees it.
private struct Made: Equatable {
  var packet: PacketMaker.Packet
  var left: [Float]
  var right: [Float]
  var start: Int64 { packet.start.frames }
}

/// Media time zero was captured then.
private let origin = HostTime(nanoseconds: 7_000_000_000)

/// Sound whose left samples grow by one with each frame, and whose right are their negatives.
private func ramp(from first: Int, frames: Int) -> [Float] {
  (first..<first + frames).flatMap { [Float($0), -Float($0)] }
}

extension PacketMaker {
  /// Gives a whole block and collects what comes of it.
  fileprivate mutating func give(
    _ block: [Float], at start: Int, endingAt end: HostTime? = nil
  ) -> [Made] {
    var made: [Made] = []
    var taken = 0
    let end = end ?? origin + .frames(start + block.count / 2)
    while fill(
      from: block.span, taken: &taken, at: MediaTime(frames: Int64(start)), endingAt: end)
    { collect(into: &made) }
    return made
  }

  fileprivate mutating func collect(into made: inout [Made]) {
    guard let packet else { return }
    made.append(
      Made(
        packet: packet, left: stride(from: 0, to: 2 * frames, by: 2).map { samples[$0] },
        right: stride(from: 1, to: 2 * frames, by: 2).map { samples[$0] }))
    release()
  }
}

@Suite struct PacketMakerTests {
  @Test(arguments: [1, 7, 100, 240, 480, 1024, 5000])
  func blocksOfAnySizeGiveTheSamePackets(size: Int) {
    var maker = PacketMaker(frames: 480)
    var made: [Made] = []
    var position = 0
    while position < 10_000 {
      made += maker.give(ramp(from: position, frames: size), at: position)
      position += size
    }
    #expect(made.count == position / 480)
    for (index, one) in made.enumerated() {
      let first = 480 * index
      #expect(one.start == Int64(first))
      #expect(one.packet.isMarked == (index == 0))
      #expect(one.left == (first..<first + 480).map { Float($0) })
      #expect(one.right == (first..<first + 480).map { -Float($0) })
      // The instants of a steady clock: within the rounding of a block's length.
      let off = one.packet.capturedAt - (origin + .frames(first))
      #expect(abs(off.inNanoseconds) <= 1)
    }
  }

  @Test func aPacketHasTheInstantOfTheBlockItBeganIn() {
    var maker = PacketMaker(frames: 480)
    #expect(maker.give(ramp(from: 0, frames: 240), at: 0, endingAt: origin).isEmpty)
    let late = origin + .milliseconds(9)
    let made = maker.give(ramp(from: 240, frames: 720), at: 240, endingAt: late)
    #expect(made.map(\.packet.capturedAt) == [origin - .frames(240), late - .frames(480)])
  }

  @Test func aJumpBetweenPacketsMovesTheTimestamp() {
    var maker = PacketMaker(frames: 480)
    var made = maker.give(ramp(from: 0, frames: 480), at: 0)
    made += maker.give(ramp(from: 5000, frames: 960), at: 5000)
    #expect(made.map(\.start) == [0, 5000, 5480])
    #expect(made.map(\.packet.isMarked) == [true, true, false])
    // Nothing stands between: the sound, joined by whoever gave it, is left as it is.
    #expect(made[1].left == (5000..<5480).map { Float($0) })
  }

  @Test func aJumpWithinAPacketFillsItUpWithSilenceThatDoesNotClick() {
    var maker = PacketMaker(frames: 480)
    let flat = [Float](repeating: 0.8, count: 2 * 300)
    #expect(maker.give(flat, at: 0).isEmpty)
    let made = maker.give([Float](repeating: 0.8, count: 2 * 480), at: 5000)
    #expect(made.map(\.start) == [0, 5000])
    #expect(made.map(\.packet.isMarked) == [true, true])
    #expect(made[0].left[..<300].allSatisfy { $0 == 0.8 })
    #expect(made[0].left[396...].allSatisfy { $0 == 0 })
    #expect(made[1].left[96...].allSatisfy { $0 == 0.8 })
    for one in made {
      #expect(one.left == one.right)
      for (a, b) in zip(one.left, one.left.dropFirst()) { #expect(abs(a - b) < 0.01) }
    }
    #expect(made[0].left[479] == 0)
    #expect(made[1].left[0] == 0)
    #expect(made[1].packet.capturedAt == origin + .frames(5480) - .frames(480))
  }

  @Test func aHoleThatEndsWithinThePacketIsSilenceInIt() {
    var maker = PacketMaker(frames: 480)
    #expect(maker.give([Float](repeating: 0.5, count: 2 * 100), at: 0).isEmpty)
    let made = maker.give([Float](repeating: 0.5, count: 2 * 460), at: 400)
    // No packet reaches into another, and none is left out.
    #expect(made.map(\.start) == [0])
    #expect(made[0].left[196..<400].allSatisfy { $0 == 0 })
    #expect(made[0].left[479] > 0.3)
    let next = maker.give([Float](repeating: 0.5, count: 2 * 480), at: 860)
    #expect(next.map(\.start) == [480])
    #expect(next[0].packet.isMarked == false)
    #expect(next[0].left[100] == 0.5)
  }

  @Test func aSmallHoleAtTheBeginningOfAPacketHasItsInstant() {
    var maker = PacketMaker(frames: 480)
    var made = maker.give(ramp(from: 0, frames: 480), at: 0)
    made += maker.give(ramp(from: 500, frames: 480), at: 500)
    #expect(made.map(\.start) == [0, 480])
    #expect(made[1].packet.isMarked == false)
    #expect(abs((made[1].packet.capturedAt - (origin + .frames(480))).inNanoseconds) <= 1)
  }

  @Test func whatWasSaidAlreadyIsLeftOut() {
    var maker = PacketMaker(frames: 480)
    var made = maker.give(ramp(from: 0, frames: 500), at: 0)
    made += maker.give(ramp(from: 400, frames: 560), at: 400)
    #expect(made.map(\.start) == [0, 480])
    #expect(made.allSatisfy { $0.left == ($0.start..<$0.start + 480).map { Float($0) } })
    #expect(maker.give(ramp(from: 100, frames: 300), at: 100).isEmpty)
  }

  @Test func theLastPacketIsFilledUp() {
    var maker = PacketMaker(frames: 240)
    var made: [Made] = []
    maker.finish()
    maker.collect(into: &made)
    #expect(made.isEmpty)
    #expect(maker.give(ramp(from: 0, frames: 100), at: 0).isEmpty)
    maker.finish()
    maker.collect(into: &made)
    #expect(made.count == 1)
    #expect(made[0].left[..<100] == (0..<100).map { Float($0) }[...])
    #expect(made[0].left[196...].allSatisfy { $0 == 0 })
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func noPacketOverlapsAnotherWhateverIsGiven(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var maker = PacketMaker(frames: 480)
    var made: [Made] = []
    var position = 0
    var given: Set<Int> = []
    for _ in 0..<2000 {
      let frames = Int.random(in: 1...700, using: &random)
      switch Int.random(in: 0..<20, using: &random) {
      case 0: position += Int.random(in: 0...3000, using: &random)
      case 1: position += Int.random(in: 0...100, using: &random)
      case 2: position = max(0, position - Int.random(in: 0...100, using: &random))
      default: break
      }
      made += maker.give(ramp(from: position, frames: frames), at: position)
      given.formUnion(position..<position + frames)
      position += frames
    }
    var end: Int64 = 0
    for one in made {
      #expect(one.start >= end, "seed \(seed)")
      #expect(one.packet.isMarked == (one.start > end || end == 0))
      end = one.start + 480
      // Each frame is where media time says, faded, or silent where there was none.
      for (offset, sample) in one.left.enumerated() {
        let frame = Int(one.start) + offset
        if given.contains(frame) { #expect(sample >= 0 && sample <= Float(frame)) }
      }
    }
    // What was given is in some packet, but for what still waits.
    let covered = made.reduce(into: Set<Int>()) {
      $0.formUnion(Int($1.start)..<Int($1.start) + 480)
    }
    #expect(given.subtracting(covered).allSatisfy { $0 >= end })
  }
}
