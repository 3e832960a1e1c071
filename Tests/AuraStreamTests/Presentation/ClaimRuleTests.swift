import AuraStream
import Testing

@Suite struct ClaimRuleTests {
  private func milliseconds(_ values: [Int]) -> [Duration] { values.map { .milliseconds($0) } }

  /// What a rule tells after it has been asked four times a second, in milliseconds.
  private func ask(
    _ rule: inout ClaimRule, at second: inout Int, for seconds: Int, planned: Int?, told: [Int]
  ) -> Int? {
    var answer: Duration?
    for _ in 0..<4 * seconds {
      second += 1
      answer = rule.delay(
        planned: planned.map { .milliseconds($0) }, told: milliseconds(told),
        now: HostTime(nanoseconds: Int64(second) * 250_000_000))
    }
    return answer.map { Int($0.inMilliseconds) }
  }

  @Test func theListenerInTheMiddleDecidesInLiveMode() {
    var rule = ClaimRule()
    var time = 0
    #expect(ask(&rule, at: &time, for: 1, planned: nil, told: []) == nil)
    #expect(ask(&rule, at: &time, for: 1, planned: nil, told: [90, 30, 40]) == 40)
    #expect(ask(&rule, at: &time, for: 1, planned: nil, told: [90, 30]) == 60)
  }

  @Test func theSharedDelayIsToldUnlessMostHearLater() {
    var rule = ClaimRule()
    var time = 0
    #expect(ask(&rule, at: &time, for: 60, planned: 250, told: []) == 250)
    #expect(ask(&rule, at: &time, for: 60, planned: 250, told: [251, 400, 246]) == 250)
    #expect(ask(&rule, at: &time, for: 60, planned: 250, told: [400, 250]) == 250)
    #expect(ask(&rule, at: &time, for: 60, planned: 250, told: [250, 100]) == 250)
    #expect(ask(&rule, at: &time, for: 5, planned: 250, told: [250, 400, 400]) == 250)
    #expect(ask(&rule, at: &time, for: 15, planned: 250, told: [250, 400, 400]) == 400)
    // The host makes it long enough: all hear it then, and it is told again.
    #expect(ask(&rule, at: &time, for: 15, planned: 410, told: [410, 409, 411]) == 410)
  }

  @Test func whatWasToldBeforeADelayMovedSaysNothing() {
    var rule = ClaimRule()
    var time = 0
    for planned in stride(from: 250, through: 400, by: 5) {
      #expect(ask(&rule, at: &time, for: 1, planned: planned, told: [planned - 20]) == planned)
    }
    #expect(ask(&rule, at: &time, for: 5, planned: 400, told: [380]) == 400)
    #expect(ask(&rule, at: &time, for: 60, planned: 400, told: [400]) == 400)
  }
}
