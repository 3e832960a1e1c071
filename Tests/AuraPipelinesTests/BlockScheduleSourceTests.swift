import AuraStream
import Testing

@testable import AuraPipelines

@Suite struct BlockScheduleSourceTests {
  private let start = HostTime(nanoseconds: 12_345_678_901)

  @Test func instantsAreExactHoweverLateTheyAreMet() {
    var schedule = BlockSchedule(start: start)
    for block in 0..<2000 {
      let late = Duration.milliseconds(block % 70)
      let (at, wasHeldUp) = schedule.deliver(frames: 240, now: schedule.next + late)
      #expect(at == start + .milliseconds(5 * block) && !wasHeldUp)
    }
  }

  @Test func afterAFreezeItBeginsAnewAndDoesNotBurst() {
    var schedule = BlockSchedule(start: start)
    for _ in 0..<10 { _ = schedule.deliver(frames: 240, now: schedule.next) }
    let resumed = schedule.next + .milliseconds(81)
    let (at, wasHeldUp) = schedule.deliver(frames: 240, now: resumed)
    #expect(wasHeldUp && at == resumed)
    #expect(schedule.next == resumed + .milliseconds(5))
  }

  @Test func lateBlocksKeepTheirInstantsUpToEightyMilliseconds() {
    var schedule = BlockSchedule(start: start)
    let (at, wasHeldUp) = schedule.deliver(frames: 240, now: start + .milliseconds(80))
    #expect(at == start && !wasHeldUp)
  }
}
