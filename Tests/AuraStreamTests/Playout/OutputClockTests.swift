import AuraStream
import Testing

struct OutputClockTests {
  private func report(_ turn: Int, frames: Int = 256, ppm: Double = 0, wobble: Double = 0)
    -> OutputReport
  {
    let seconds = 10 + Double(turn * frames) / 48_000 / (1 + ppm / 1e6)
    return OutputReport(
      firstFrame: turn * frames, frames: frames,
      instant: HostTime(nanoseconds: Int64((seconds + wobble) * 1e9)),
      delay: .nanoseconds(Int64((0.02 - wobble) * 1e9)), silentFrames: 0)
  }

  @Test func whenAFrameIsHeardAndMustBeGiven() throws {
    var clock = OutputClock()
    #expect(!clock.isRunning(now: HostTime(nanoseconds: 0)))
    #expect(clock.instantHeard(0) == nil)
    var generator = SeededGenerator(seed: 2)
    for turn in 0..<20_000 {
      clock.insert(
        report(turn, ppm: 200, wobble: Double.random(in: -0.001...0.001, using: &generator)))
    }
    let last = report(19_999, ppm: 200).instant
    #expect(clock.isRunning(now: last + .milliseconds(200)))
    #expect(!clock.isRunning(now: last + .milliseconds(300)))
    #expect(abs(clock.ratePPM - 200) < 3)
    let heard = try #require(clock.instantHeard(19_999 * 256 + 480))
    #expect(abs((heard - last - .milliseconds(30)).inMilliseconds) < 0.05)
    // Frame 480 after the request's first is reached for by the second request after it at the latest.
    let deadline = try #require(clock.deadline(19_999 * 256 + 480))
    #expect(abs((deadline - last - .frames(480 - 256)).inMilliseconds) < 1.1)
    #expect(clock.request == .frames(256))
    #expect(abs(clock.delay.inMilliseconds - 20) < 0.2)
  }

  @Test func aPauseBeginsAnew() throws {
    var clock = OutputClock()
    for turn in 0..<1000 { clock.insert(report(turn)) }
    var late = report(1000)
    late.instant = late.instant + .seconds(3)
    clock.insert(late)
    clock.insert(late)
    #expect(clock.pauses == 1)
    #expect(clock.instantHeard(1000 * 256) == late.instant + .milliseconds(20))
  }

  @Test func aMoveIsFollowedWithinASecondAndAHalf() throws {
    for late in [-0.015, 0.03, 0.2] {
      var clock = OutputClock()
      for turn in 0..<2000 { clock.insert(report(turn)) }
      #expect(clock.moves == 0)
      for turn in 2000..<2280 {
        var moved = report(turn)
        moved.delay = moved.delay + .nanoseconds(Int64(late * 1e9))
        clock.insert(moved)
      }
      let heard = try #require(clock.instantHeard(2280 * 256))
      let error = (heard - report(2280).instant).inSeconds - 0.02 - late
      #expect(abs(error) < 0.000_5, "\(error) of \(late), \(clock.moves)")
    }
  }

  @Test func aLargeFirstRequestIsForgotten() {
    var clock = OutputClock()
    clock.insert(report(0, frames: 96_000))
    #expect(clock.request == .frames(96_000))
    for turn in 400..<6000 { clock.insert(report(turn)) }
    #expect(clock.request == .frames(256))
  }
}
