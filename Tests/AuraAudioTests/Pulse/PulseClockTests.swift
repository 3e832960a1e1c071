import AuraAudio
import AuraStream
import Testing

struct PulseClockTests {
  private let start = HostTime(nanoseconds: 5_000_000_000)

  /// A clock that has had `count` true reports, 200 ms apart.
  private func steadyClock(reports count: Int, noise: (Int) -> Duration = { _ in .zero })
    -> PulseClock
  {
    var clock = PulseClock()
    for index in 0..<count {
      let passed = Duration.milliseconds(200 * index)
      clock.report(position: passed, at: start + passed + noise(index))
    }
    return clock
  }

  private func shift(of clock: PulseClock) -> Duration? {
    clock.instant(ofFrame: 0).map { $0 - start }
  }

  @Test func knowsNothingBeforeTheFirstReport() {
    #expect(PulseClock().instant(ofFrame: 0) == nil)
    #expect(!PulseClock().isKnown)
  }

  @Test func firstReportIsBelieved() {
    var clock = PulseClock()
    clock.report(position: .seconds(2), at: start + .seconds(2))
    #expect(clock.instant(ofFrame: 0) == start)
    #expect(clock.instant(ofFrame: 48_000) == start + .seconds(1))
  }

  @Test func noiseIsAveraged() throws {
    let clock = steadyClock(reports: 200) { .milliseconds($0 % 2 == 0 ? 4 : -4) }
    let learned = try #require(shift(of: clock))
    #expect(abs(learned.inMilliseconds) < 0.5)
  }

  @Test func driftIsFollowed() throws {
    // The device is 200 ppm slow: 40 microseconds between two reports.
    let clock = steadyClock(reports: 500) { .microseconds(40 * $0) }
    let learned = try #require(shift(of: clock))
    #expect(abs(learned.inMilliseconds - 0.040 * 499) < 0.5)
  }

  @Test func aSingleLateReportChangesNothing() {
    var clock = steadyClock(reports: 20)
    clock.report(position: .seconds(4), at: start + .seconds(5))
    #expect(clock.isInDoubt)
    #expect(shift(of: clock) == .zero)
    clock.report(position: .seconds(6), at: start + .seconds(6))
    #expect(!clock.isInDoubt)
    #expect(shift(of: clock) == .zero)
  }

  @Test(arguments: [-500, 500]) func aConfirmedJumpIsTakenWhole(milliseconds: Int) {
    var clock = steadyClock(reports: 20)
    let jump = Duration.milliseconds(milliseconds)
    clock.report(position: .seconds(4), at: start + .seconds(4) + jump)
    clock.report(position: .seconds(5), at: start + .seconds(5) + jump)
    #expect(!clock.isInDoubt)
    #expect(shift(of: clock) == jump)
  }
}
