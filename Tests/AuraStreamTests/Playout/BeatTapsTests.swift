import AuraStream
import Testing

@Suite struct BeatTapsTests {
  private func offset(_ late: [Double]) -> Int? {
    var taps = BeatTaps()
    for (number, late) in late.enumerated() {
      let beat = HostTime(nanoseconds: Int64(number) * 1_000_000_000)
      taps.tap(at: beat + .nanoseconds(Int64(late * 1e6)), beat: beat)
    }
    return taps.offset
  }

  @Test func theMedianIsNotMovedByOneWildTap() {
    #expect(offset([200, 215, 190, 205, 195, 740, 185, 210]) == 198)
  }

  @Test func halfABeatIsOneSideOrTheOther() throws {
    // Taps at half a second late lie on both sides of the beat they are counted from.
    let found = try #require(offset([495, -495, 505, 490, -490, 498, 500, -500]))
    #expect(abs(found) >= 490 && BeatTaps.offsets.contains(found))
  }

  @Test func fewerThanEightTellNothing() {
    #expect(offset([200, 200, 200, 200, 200, 200, 200]) == nil)
  }

  @Test func tapsWithoutABeatTellNothing() {
    #expect(offset([0, 130, 260, 390, -480, -350, -220, -90]) == nil)
  }
}
