import AuraStream
import Testing

/// An output in virtual time that a plan's clicks are written to, a quarter of a second ahead, as `ClickTrack`
/// does it.
private struct PlannedOutput {
  static let quantum = 1024
  private static let ahead = 12_000
  private static let latency = Duration.milliseconds(30)

  let ppm: Double
  var plan: ClickPlan
  /// What is told of the latency beyond what it is.
  var mistold = Duration.zero
  /// When clicks are heard by somebody whose headphone adds nothing.
  private(set) var heard: [HostTime] = []
  private var turn = 0
  private var written = 0

  init(ppm: Double = 0, beats: BeatClock, offset: Duration?) {
    self.ppm = ppm
    plan = ClickPlan(beats: beats, offset: offset)
  }

  var now: HostTime { instant(Double(turn * Self.quantum)) }

  private func instant(_ frame: Double) -> HostTime {
    let seconds = 100.3 + frame / Double(MediaTime.rate) / (1 + ppm / 1e6)
    return HostTime(nanoseconds: Int64(seconds * 1e9))
  }

  mutating func run(seconds: Double, tells: Bool = true) {
    for _ in 0..<Int(seconds * Double(MediaTime.rate)) / Self.quantum {
      let played = turn * Self.quantum
      if tells {
        plan.report(
          OutputReport(
            firstFrame: played, frames: Self.quantum, instant: now, delay: Self.latency + mistold,
            silentFrames: 0))
      }
      turn += 1
      let frames = written..<turn * Self.quantum + Self.ahead
      written = frames.upperBound
      guard let click = plan.click(in: frames) else { continue }
      #expect(frames.contains(click))
      heard.append(instant(Double(click)) + Self.latency)
    }
  }

  mutating func forget() { heard = [] }
}

@Suite struct ClickPlanTests {
  /// How far instants are after the whole seconds of a clock, in milliseconds; less than nothing is before.
  private func sinceSeconds(_ instants: [HostTime], ahead: Duration = .zero) -> [Double] {
    instants.map { instant in
      let seconds = (instant + ahead).inSeconds
      return (seconds - seconds.rounded()) * 1000
    }
  }

  private func expectEverySecond(_ heard: [HostTime], _ count: Int) {
    #expect((count - 1...count + 1).contains(heard.count))
    for (one, next) in zip(heard, heard.dropFirst()) {
      #expect(abs((next - one).inMilliseconds - 1000) < 1)
    }
  }

  /// A server whose clock shows `ahead` more than ours and that answers slowly on one of the ways.
  private func exchange(at now: HostTime, ahead: Duration, slow: Duration = .zero) -> ClockExchange
  {
    let served = now + ahead + .microseconds(500) + slow
    return ClockExchange(
      asked: now, served: served, answered: served, received: now + .milliseconds(1) + slow)
  }

  @Test(arguments: [-200.0, 0, 200], [-500, 0, 37, 480])
  func clicksAreHeardAtTheFlashWhileTheOutputDrifts(ppm: Double, offset: Int) {
    let adds = Duration.milliseconds(offset)
    var output = PlannedOutput(ppm: ppm, beats: BeatClock(isOurs: true), offset: adds)
    output.run(seconds: 120)
    expectEverySecond(output.heard, 120)
    #expect(sinceSeconds(output.heard, ahead: adds).allSatisfy { abs($0) < 1 })
  }

  @Test func beforeTheOutputIsKnownThereIsSilence() {
    var output = PlannedOutput(beats: BeatClock(isOurs: true), offset: nil)
    output.run(seconds: 3, tells: false)
    #expect(output.plan.beat(nearest: output.now) == nil)
    output.run(seconds: 3)
    // The output tells, but not what its headphone adds.
    #expect(output.heard.isEmpty && output.plan.beat(nearest: output.now) == nil)
    output.plan.offset = .milliseconds(200)
    output.run(seconds: 10)
    expectEverySecond(output.heard, 10)
    #expect(sinceSeconds(output.heard, ahead: .milliseconds(200)).allSatisfy { abs($0) < 1 })
  }

  @Test func anOutputThatMovesIsFollowed() {
    var output = PlannedOutput(beats: BeatClock(isOurs: true), offset: .zero)
    output.run(seconds: 20)
    output.mistold = .milliseconds(-40)
    output.run(seconds: 5)
    output.forget()
    output.run(seconds: 20)
    expectEverySecond(output.heard, 20)
    #expect(sinceSeconds(output.heard).allSatisfy { abs($0 - 40) < 1 })
  }

  @Test func theClockOfAServerSaysWhenAndItsEstimateMayChange() {
    let ahead = Duration.milliseconds(7_654_321)
    var output = PlannedOutput(
      ppm: 50, beats: BeatClock(isOurs: false), offset: .milliseconds(150))
    output.run(seconds: 3)
    #expect(!output.plan.beats.isKnown && output.heard.isEmpty)
    // The first answer is off by 4 ms; better ones come while clicks are played.
    output.plan.beats.insert(
      exchange(at: output.now, ahead: ahead, slow: .milliseconds(8)))
    output.run(seconds: 4)
    let early = output.heard.count
    #expect((3...5).contains(early))
    for _ in 0..<60 {
      output.plan.beats.insert(exchange(at: output.now, ahead: ahead))
      output.run(seconds: 1)
    }
    let late = sinceSeconds(output.heard, ahead: ahead + .milliseconds(150))
    #expect(late.prefix(early).allSatisfy { abs($0) < 5 })
    #expect(late.dropFirst(early + 1).allSatisfy { abs($0) < 1 })
    #expect((61...64).contains(late.count))
    for (one, next) in zip(output.heard, output.heard.dropFirst()) {
      #expect(abs((next - one).inMilliseconds - 1000) < 6)
    }
  }

  /// Wherever a change catches a beat, it is neither lost nor heard twice.
  @Test(arguments: [-4, -1, 1, 4])
  func aSmallChangeLosesNoBeatAndDoublesNone(change: Int) {
    var output = PlannedOutput(beats: BeatClock(isOurs: true), offset: .zero)
    output.run(seconds: 2)
    for _ in 0..<400 {
      output.plan.offset? += .milliseconds(change)
      output.run(seconds: 1.024)
      output.plan.offset? -= .milliseconds(change)
      output.run(seconds: 1.024)
    }
    for (one, next) in zip(output.heard, output.heard.dropFirst()) {
      #expect(abs((next - one).inMilliseconds - 1000) < Double(abs(change)) + 1)
    }
  }

  @Test func aServerThatStartsAgainCountsOtherSeconds() {
    var output = PlannedOutput(beats: BeatClock(isOurs: false), offset: .zero)
    output.run(seconds: 2)
    for ahead in [Duration.seconds(-90), .milliseconds(400)] {
      for _ in 0..<5 {
        output.plan.beats.insert(exchange(at: output.now, ahead: ahead))
        output.run(seconds: 1)
      }
    }
    #expect(
      sinceSeconds(output.heard.suffix(3), ahead: .milliseconds(400)).allSatisfy { abs($0) < 1 })
    for (one, next) in zip(output.heard, output.heard.dropFirst()) {
      #expect((500...1500).contains((next - one).inMilliseconds))
    }
  }

  /// What a person's tap is late by counts from when the click left the output: all that the headphone adds,
  /// whatever of it is set already.
  @Test(arguments: [0, 180, -300]) func tapsMeasureTheWholeOffset(set: Int) {
    var output = PlannedOutput(beats: BeatClock(isOurs: true), offset: .milliseconds(set))
    output.run(seconds: 12)
    var taps = BeatTaps()
    for click in output.heard.suffix(8) {
      let tap = click + .milliseconds(230)
      if let beat = output.plan.beat(nearest: tap) { taps.tap(at: tap, beat: beat) }
    }
    #expect(taps.offset == 230)
  }

  @Test func theFlashIsTheNearestWholeSecond() throws {
    let ours = BeatClock(isOurs: true)
    for (instant, flash) in [(0, 0), (499, 0), (501, 1000), (-499, 0), (-501, -1000)] {
      let near = ours.flash(nearest: HostTime(nanoseconds: Int64(instant) * 1_000_000))
      #expect(near == HostTime(nanoseconds: Int64(flash) * 1_000_000))
    }
    var theirs = BeatClock(isOurs: false)
    let now = HostTime(nanoseconds: 5_000_000_000)
    #expect(theirs.flash(nearest: now) == nil)
    theirs.insert(exchange(at: now, ahead: .milliseconds(250)))
    let flash = try #require(theirs.flash(nearest: now))
    #expect(abs((flash - now).inMilliseconds + 250) < 0.01)
  }
}

extension HostTime {
  fileprivate var inSeconds: Double { Double(nanoseconds) / 1e9 }
}
