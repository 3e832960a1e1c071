import AuraStream
import Testing

struct PlayoutDelayTests {
  private let pipeline = Duration.milliseconds(8)

  private func isNear(_ delay: Duration?, _ milliseconds: Double) -> Bool {
    abs((delay ?? .zero).inMilliseconds - milliseconds) < 0.001
  }

  private func settle(
    _ delay: inout PlayoutDelay, from second: Int, seconds: Int, lateness: (Int) -> Double
  ) {
    for packet in second * 100..<(second + seconds) * 100 {
      let now = HostTime(nanoseconds: Int64(packet) * 10_000_000)
      delay.note(lateness: .nanoseconds(Int64(lateness(packet) * 1e9)), now: now)
      delay.update(pipeline: pipeline, elapsed: 0.01)
    }
  }

  @Test func itFollowsTheWorstArrivalsAndNeverHurries() {
    var delay = PlayoutDelay(PlayoutDelay.usual)
    #expect(delay.following == nil)
    settle(&delay, from: 0, seconds: 60) { _ in 0.005 }
    #expect(isNear(delay.following, 14))
    settle(&delay, from: 60, seconds: 1) { $0 % 50 == 0 ? 0.040 : 0.005 }
    let after1 = delay.following ?? .zero
    #expect(after1 <= .microseconds(14_600))
    settle(&delay, from: 61, seconds: 100) { $0 % 50 == 0 ? 0.040 : 0.005 }
    #expect(isNear(delay.following, 49))
    #expect(isNear(delay.needed(pipeline: pipeline), 49))
    settle(&delay, from: 161, seconds: 120) { _ in 0.005 }
    #expect(isNear(delay.following, 14))
  }

  @Test func oneHiccupDoesNotCount() {
    var delay = PlayoutDelay(PlayoutDelay.usual)
    settle(&delay, from: 0, seconds: 60) { $0 == 3000 ? 0.2 : 0.005 }
    #expect(isNear(delay.following, 14))
  }

  @Test func boundsHold() {
    var delay = PlayoutDelay(.adaptive(.milliseconds(50) ... .milliseconds(60)))
    settle(&delay, from: 0, seconds: 10) { _ in 0.005 }
    #expect(isNear(delay.following, 50))
    settle(&delay, from: 10, seconds: 100) { _ in 0.105 }
    #expect(isNear(delay.following, 60))
    let grown1 = delay.grow(by: .milliseconds(20))
    #expect(grown1 == .zero)
  }

  @Test func whatWasStretchedStays() {
    var delay = PlayoutDelay(PlayoutDelay.usual)
    settle(&delay, from: 0, seconds: 60) { _ in 0.005 }
    let grown2 = delay.grow(by: .milliseconds(20))
    #expect(grown2 == .milliseconds(20))
    #expect(isNear(delay.following, 34))
  }

  @Test func whatIsSaidStandsBesideWhatIsNeeded() {
    var delay = PlayoutDelay(.fixed(.milliseconds(120)))
    settle(&delay, from: 0, seconds: 60) { _ in 0.3 }
    #expect(delay.fixed == .milliseconds(120))
    #expect((delay.needed(pipeline: pipeline) ?? .zero) > .milliseconds(300))
    delay.follow(.milliseconds(120))
    #expect(isNear(delay.following, 120))
  }

  @Test func anotherReferenceMovesNothing() {
    var delay = PlayoutDelay(PlayoutDelay.usual)
    settle(&delay, from: 0, seconds: 60) { _ in 0.005 }
    delay.shift(by: .milliseconds(-100))
    #expect(isNear(delay.following, 114))
    settle(&delay, from: 60, seconds: 60) { _ in 0.105 }
    #expect(isNear(delay.following, 114))
  }
}
