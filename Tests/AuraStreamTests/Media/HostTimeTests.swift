import AuraStream
import Testing

struct HostTimeTests {
  @Test(arguments: [1, 255, 48_000, 1_000_000_007])
  func framesAndDurationsAgree(frames: Int) {
    #expect(abs(Duration.frames(frames).frames() - frames) <= 1)
    #expect(abs(Duration.frames(frames, at: 44_100).frames(at: 44_100) - frames) <= 1)
  }

  @Test func aDurationOfCenturiesDoesNotTrap() {
    #expect(Duration.seconds(Int64.max).inNanoseconds == .max)
    #expect(Duration.seconds(Int64.min).inNanoseconds == .min)
    let edge = Duration.nanoseconds(Int64.max)
    #expect((edge + .milliseconds(500)).inNanoseconds == .max)
    #expect((.zero - edge - .milliseconds(500)).inNanoseconds == .min)
    #expect(edge.frames() == 442_721_857_769_029)
  }

  /// A stream's position and a source's silence are counted for as long as the program runs.
  @Test func aStreamMayLastForYears() {
    let year = 365 * 86_400
    #expect(Duration.frames(53 * 3_600 * 48_000) == .seconds(53 * 3_600))
    #expect(
      Duration.frames(54 * 3_600 * 48_000 + 24_000) == .seconds(54 * 3_600) + .milliseconds(500))
    #expect(Duration.frames(100 * year * 48_000) == .seconds(100 * year))
    #expect(Duration.frames(-100 * year * 44_100, at: 44_100) == .seconds(-100 * year))
    #expect(Duration.seconds(100 * year).frames() == 100 * year * 48_000)
  }

  @Test func instantsBeyondAllAreTheFarthestThereAre() {
    let (first, last) = (HostTime(nanoseconds: .min), HostTime(nanoseconds: .max))
    #expect(last + .nanoseconds(1) == last && first - .nanoseconds(1) == first)
    #expect(last - first == .nanoseconds(Int64.max) && first - last == .nanoseconds(Int64.min))
    #expect(first - HostTime(nanoseconds: 1) == .nanoseconds(Int64.min))
  }

  @Test func differencesAreSigned() {
    let early = HostTime(nanoseconds: 5)
    let late = early + .milliseconds(3)
    #expect(late - early == .milliseconds(3))
    #expect(early - late == .milliseconds(-3))
    #expect(late - .milliseconds(3) == early)
  }
}
