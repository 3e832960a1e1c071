import AuraStream
import Testing

struct AutomaticDelayTests {
  private static let start = HostTime(nanoseconds: 1_000_000_000)

  private func delay(
    _ choice: inout AutomaticDelay, _ needs: [Int], at second: Int
  ) -> Double {
    choice.update(needs: needs.map { .milliseconds($0) }, now: Self.start + .seconds(second))
      .inMilliseconds
  }

  @Test func theLargestNeedIsMetAtOnce() {
    var choice = AutomaticDelay(cap: .milliseconds(600), delay: .milliseconds(250))
    #expect(delay(&choice, [], at: 0) == 250)
    #expect(delay(&choice, [60, 311, 120], at: 1) == 340)
    #expect(delay(&choice, [590], at: 2) == 600, "the margin ends at the cap")
  }

  @Test func whoNeedsMoreThanTheCapIsNotWaitedFor() {
    var choice = AutomaticDelay(cap: .milliseconds(400), delay: .milliseconds(250))
    #expect(delay(&choice, [700, 300], at: 1) == 320)
    #expect(delay(&choice, [700], at: 2) == 320)
  }

  @Test func lessIsBelievedWhenItLasts() {
    var choice = AutomaticDelay(cap: .seconds(1), delay: .milliseconds(500))
    for second in 0..<29 { #expect(delay(&choice, [100], at: second) == 500) }
    #expect(delay(&choice, [200], at: 29) == 500)
    #expect(delay(&choice, [100], at: 30) == 220, "the most of that while")
    // A need that is back in between begins it all anew.
    for second in 31..<200 {
      #expect(delay(&choice, second % 20 == 0 ? [200] : [100], at: second) == 220)
    }
  }

  /// The bound of all delays included: 90 ms do not become 50 where 20 would do.
  @Test func littleLessIsNotWorthAChange() {
    var choice = AutomaticDelay(cap: .seconds(1), delay: .milliseconds(90))
    for second in 0..<100 { #expect(delay(&choice, [0], at: second) == 90) }
    var longer = AutomaticDelay(cap: .seconds(1), delay: .milliseconds(100))
    for second in 0..<30 { #expect(delay(&longer, [0], at: second) == 100) }
    #expect(delay(&longer, [0], at: 30) == 50)
  }
}
