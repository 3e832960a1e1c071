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
  }

  @Test func differencesAreSigned() {
    let early = HostTime(nanoseconds: 5)
    let late = early + .milliseconds(3)
    #expect(late - early == .milliseconds(3))
    #expect(early - late == .milliseconds(-3))
    #expect(late - .milliseconds(3) == early)
  }
}
