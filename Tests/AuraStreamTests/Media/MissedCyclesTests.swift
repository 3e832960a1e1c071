import AuraStream
import Testing

struct MissedCyclesTests {
  private var cycles = MissedCycles()

  private mutating func call(
    _ ticks: UInt64, frames: Int = 256, frequency: Double = 48_000
  ) -> Int {
    cycles.call(ticks: ticks, frequency: frequency, frames: frames)
  }

  @Test mutating func cyclesThatFollowEachOtherMissNothing() {
    for cycle: UInt64 in 0..<1000 { #expect(call(7 + 256 * cycle) == 0) }
  }

  @Test(arguments: [1, 2, 7] as [UInt64])
  mutating func whatTheGraphWentThroughWithoutUsIsMissed(count: UInt64) {
    _ = call(256)
    #expect(call(512 + 256 * count) == Int(256 * count))
    #expect(call(768 + 256 * count) == 0)
  }

  @Test mutating func cyclesMayChangeTheirLength() {
    _ = call(0, frames: 256)
    #expect(call(256, frames: 1024) == 0)
    #expect(call(1280, frames: 1024) == 0)
    #expect(call(2304, frames: 128) == 0)
    #expect(call(2432, frames: 128) == 0)
  }

  /// Held up, but nothing lost: one call hands over the sound of two cycles.
  @Test mutating func twoCyclesAtOnceMissNothing() {
    _ = call(0)
    #expect(call(512, frames: 512) == 0)
    #expect(call(768) == 0)
  }

  /// Called late, and for that twice in the cycle under way.
  @Test mutating func aCallThatComesTwiceInACycleTakesBackWhatSeemedMissed() {
    _ = call(256)
    #expect(call(1024) == 512)
    #expect(call(1024) == -256)
    #expect(call(1280) == 0)
  }

  /// The graph's own rate is another: what we get a cycle differs by a frame or two.
  @Test mutating func aResamplersRoundingIsNotMissed() {
    for cycle: UInt64 in 0..<1000 {
      let frames = cycle.isMultiple(of: 3) ? 278 : 279
      #expect(call(256 * cycle, frames: frames, frequency: 44_100) == 0)
    }
    #expect(call(256 * 1_001, frames: 278, frequency: 44_100) == 279)
  }

  @Test mutating func whatIsNoCycleIsNotMissed() {
    _ = call(1_000_000)
    #expect(call(5_000) == 0, "backwards")
    #expect(call(5_000 + 20_000) == 0, "a pause")
    #expect(call(25_000 + 256 + 31) == 0, "less than a cycle")
    #expect(call(60_000, frequency: 0) == 0, "no frequency")
    #expect(call(.max, frequency: .leastNonzeroMagnitude) == 0, "out of all bounds")
    #expect(call(0, frequency: .nan) == 0)
  }
}
