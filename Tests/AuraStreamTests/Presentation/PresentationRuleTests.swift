import AuraStream
import Testing

private func frame(_ seconds: Double) -> MediaTime { MediaTime(frames: Int64(seconds * 48_000)) }

struct PresentationRuleTests {
  private static let pause = Duration.seconds(3)

  private func film(_ milliseconds: Int) -> PresentationRule {
    PresentationRule(mode: .film, delay: .milliseconds(milliseconds))
  }

  @Test func aDelayMovesByTwentyMillisecondsASecond() {
    var rule = film(250)
    let isNew = rule.change(to: .film, delay: .milliseconds(400), at: frame(10), silence: .zero)
    #expect(isNew)
    let plan = rule.plan
    #expect(plan.delay(at: frame(0)) == .milliseconds(250))
    #expect(plan.delay(at: frame(10)) == .milliseconds(250))
    #expect(plan.delay(at: frame(11)) == .milliseconds(270))
    #expect(plan.delay(at: frame(17.5)) == .milliseconds(400))
    #expect(plan.delay(at: frame(100)) == .milliseconds(400))
    #expect(!plan.isAtPause)
  }

  @Test func aChangeOfMindBeginsWhereTheDelayIs() {
    var rule = film(250)
    rule.change(to: .film, delay: .milliseconds(400), at: frame(10), silence: .zero)
    rule.change(to: .film, delay: .milliseconds(100), at: frame(12), silence: .zero)
    #expect(rule.plan.number == 2)
    #expect(rule.plan.delay(at: frame(12)) == .milliseconds(290))
    #expect(rule.plan.delay(at: frame(13)) == .milliseconds(270))
  }

  @Test func whatIsWantedAlreadyIsNoPlan() {
    var rule = film(250)
    let same = rule.change(to: .film, delay: .milliseconds(250), at: frame(1), silence: .zero)
    #expect(!same && rule.plan.number == 0)
    rule.change(to: .live, delay: .milliseconds(250), at: frame(2), silence: .zero)
    let live = rule.change(to: .live, delay: .milliseconds(300), at: frame(3), silence: .zero)
    #expect(!live && rule.plan.number == 1)
  }

  @Test func delaysOutOfBoundsAreBroughtInto() {
    var rule = film(1)
    #expect(rule.plan.first == .milliseconds(50))
    rule.change(to: .film, delay: .seconds(9), at: frame(1), silence: .zero)
    #expect(rule.plan.last == .seconds(2))
  }

  @Test func packetsBecomeLongWhenThereIsRoomForThem() {
    var rule = PresentationRule(mode: .live, delay: .milliseconds(250))
    #expect(rule.packetFrames(live: 480, at: frame(1)) == 480)
    rule.change(to: .film, delay: .milliseconds(250), at: frame(10), silence: .zero)
    #expect(rule.packetFrames(live: 480, at: frame(10)) == 480)
    #expect(rule.packetFrames(live: 480, at: frame(10.9)) == 480)
    #expect(rule.packetFrames(live: 480, at: frame(11)) == 960)
    rule.change(to: .film, delay: .milliseconds(400), at: frame(12), silence: .zero)
    #expect(rule.packetFrames(live: 480, at: frame(12)) == 960)
    rule.change(to: .live, delay: .milliseconds(400), at: frame(13), silence: .zero)
    #expect(rule.packetFrames(live: 480, at: frame(13)) == 480)
    rule.change(to: .film, delay: .milliseconds(400), at: frame(14), silence: Self.pause)
    #expect(rule.packetFrames(live: 480, at: frame(14)) == 960)
    #expect(film(250).packetFrames(live: 480, at: frame(0)) == 960)
  }

  @Test func aLongerDelayComesAtOnceInAPause() {
    var rule = film(250)
    rule.change(to: .film, delay: .milliseconds(900), at: frame(10), silence: .zero)
    let breath = rule.note(silence: .milliseconds(200), at: frame(12))
    #expect(!breath)
    let isNew = rule.note(silence: .milliseconds(310), at: frame(12.1))
    #expect(isNew)
    #expect(rule.plan.isAtPause && rule.plan.number == 2)
    #expect(rule.plan.since == frame(12.1) && rule.plan.first == .milliseconds(900))
    let again = rule.note(silence: .seconds(1), at: frame(13))
    #expect(!again, "everything has been said")
  }

  @Test func aShorterDelayComesAtOnceWhereAllThatIsLeftOutIsSilent() {
    var rule = film(900)
    rule.change(to: .film, delay: .milliseconds(300), at: frame(10), silence: .zero)
    let tooShort = rule.note(silence: .milliseconds(400), at: frame(10))
    #expect(!tooShort)
    let isNew = rule.note(silence: .milliseconds(700), at: frame(10))
    #expect(isNew)
    #expect(rule.plan.first == .milliseconds(300))
  }

  @Test func whoIsNearTheEndOfADelayIsNotToldTooLate() {
    var rule = film(900)
    rule.change(to: .film, delay: .milliseconds(60), at: frame(10), silence: .zero)
    let isNew = rule.note(silence: .seconds(5), at: frame(10))
    #expect(!isNew, "60 ms ahead is no time to tell everyone")
  }

  @Test func inAPauseAModeChangesAtOnce() {
    var rule = film(250)
    rule.change(to: .live, delay: .milliseconds(250), at: frame(10), silence: Self.pause)
    #expect(rule.plan.isAtPause && rule.plan.mode == .live && rule.plan.number == 1)
    rule.change(to: .film, delay: .milliseconds(250), at: frame(20), silence: .zero)
    #expect(!rule.plan.isAtPause && rule.plan.number == 2)
    // Listeners still move to the common delay: a pause spares them the rest.
    let isNew = rule.note(silence: .milliseconds(400), at: frame(25))
    #expect(isNew && rule.plan.isAtPause && rule.plan.number == 3)
  }

  @Test func aPlanSaysTheSameWhenItIsRetold() {
    var rule = film(250)
    rule.change(to: .film, delay: .seconds(2), at: frame(10), silence: .zero)
    for hours in [0.001, 0.5, 1.005, 13, 30] {
      let now = frame(hours * 3600)
      let retold = rule.plan.retold(at: now)
      #expect(now.frames - retold.since.frames <= 3600 * 48_000)
      #expect(retold.number == rule.plan.number)
      for later in [0.0, 1, 60, 5_000] {
        let time = now + Int(later * 48_000)
        #expect(retold.delay(at: time) == rule.plan.delay(at: time))
      }
    }
  }

  @Test func silenceIsCountedInFrames() {
    var run = SilenceRun()
    let quiet = [Float](repeating: 0.000_05, count: 960)
    var loud = quiet
    run.note(quiet.span)
    run.note(quiet.span)
    #expect(run.frames == 960)
    loud[100] = 0.5
    run.note(loud.span)
    #expect(run.frames == 429)
    run.note(quiet.span)
    #expect(run.duration == .frames(909))
  }
}
