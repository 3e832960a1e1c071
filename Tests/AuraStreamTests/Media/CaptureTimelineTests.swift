import AuraStream
import Testing

struct CaptureTimelineTests {
  private static let block = 256
  private let start = HostTime(nanoseconds: 1_000_000_000)
  private var timeline = CaptureTimeline()

  /// Delivers a block whose first frame is frame `frame` of the capture, `late` after its end.
  private mutating func deliver(
    frame: Int, frames: Int = block, late: Duration = .milliseconds(5)
  ) -> CaptureTimeline.Verdict {
    let captured = start + .frames(frame)
    return timeline.accept(
      capturedAt: captured, frames: frames, now: captured + .frames(frames) + late)
  }

  @Test mutating func steadyBlocksFollowEachOther() {
    for index in 0..<1000 {
      let verdict = deliver(frame: index * Self.block)
      #expect(
        verdict
          == .use(
            at: MediaTime(frames: Int64(index * Self.block)), skippingFrames: 0,
            isSplice: index == 0))
    }
    #expect(timeline.missingFrames == 0)
    #expect(timeline.discardedFrames == 0)
  }

  @Test(arguments: [true, false])
  mutating func lateBlocksAreABacklogUnlessTheSourceHasAClock(_ hasBacklogs: Bool) {
    timeline = CaptureTimeline(hasBacklogs: hasBacklogs)
    for index in 0..<100 { _ = deliver(frame: index * Self.block) }
    let late = deliver(frame: 100 * Self.block, late: .milliseconds(200))
    #expect((late == .discard) == hasBacklogs)
    #expect(timeline.discardedFrames == (hasBacklogs ? Self.block : 0))
    #expect(timeline.missingFrames == 0)
  }

  @Test(arguments: [UInt64](1...20))
  mutating func jitterOfTheInstantsIsNoGap(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for index in 0..<2000 {
      let wobble = Duration.milliseconds(Int.random(in: -12...12, using: &random))
      let ideal = start + .frames(index * Self.block)
      let verdict = timeline.accept(
        capturedAt: ideal + wobble, frames: Self.block,
        now: ideal + .frames(Self.block) + .milliseconds(20))
      guard case .use(let at, 0, let isSplice) = verdict else {
        Issue.record("seed \(seed): block \(index) is \(verdict)")
        return
      }
      #expect(at.frames == Int64(index * Self.block), "seed \(seed)")
      #expect(isSplice == (index == 0))
    }
  }

  /// A sound server that counts what it lost is believed at once, be it less than its instants wobble.
  @Test(arguments: [64, 256, 1_100, 4_096])
  mutating func whatIsCountedAsMissedIsAGapAtOnce(missed: Int) {
    for index in 0..<400 { _ = deliver(frame: index * Self.block) }
    for index in 400..<800 {
      let frame = index * Self.block + missed
      let captured = start + .frames(frame)
      let verdict = timeline.accept(
        capturedAt: captured, frames: Self.block, missed: index == 400 ? missed : 0,
        now: captured + .frames(Self.block) + .milliseconds(5))
      #expect(
        verdict
          == .use(at: MediaTime(frames: Int64(frame)), skippingFrames: 0, isSplice: index == 400))
    }
    #expect(timeline.missingFrames == missed)
    #expect(timeline.discardedFrames == 0)
  }

  /// A count that the instants know nothing of is another clock's.
  @Test mutating func whatTheInstantsDoNotBearOutIsNotMissed() {
    for index in 0..<400 { _ = deliver(frame: index * Self.block) }
    let frame = 400 * Self.block
    let captured = start + .frames(frame)
    let verdict = timeline.accept(
      capturedAt: captured, frames: Self.block, missed: 480,
      now: captured + .frames(Self.block) + .milliseconds(5))
    #expect(
      verdict == .use(at: MediaTime(frames: Int64(frame)), skippingFrames: 0, isSplice: false))
    #expect(timeline.missingFrames == 0)
  }

  @Test mutating func aGapAdvancesMediaTimeByWhatIsMissing() {
    _ = deliver(frame: 0)
    let verdict = deliver(frame: Self.block + 4800)
    #expect(
      verdict
        == .use(
          at: MediaTime(frames: Int64(Self.block + 4800)), skippingFrames: 0, isSplice: true))
    #expect(timeline.missingFrames == 4800)
  }

  @Test mutating func aLostBlockIsMissingTime() {
    for index in 0..<300 { _ = deliver(frame: index * Self.block) }
    for index in 301..<400 { _ = deliver(frame: index * Self.block) }
    #expect(abs(timeline.missingFrames - Self.block) <= 1)
    #expect(abs(timeline.position.frames - Int64(400 * Self.block)) <= 1)
  }

  @Test mutating func aNewEstimateOfTheDelayDiscardsNothing() {
    for index in 0..<100 { _ = deliver(frame: index * Self.block) }
    for index in 100..<300 {
      let captured = start + .frames(index * Self.block) - .milliseconds(10)
      let verdict = timeline.accept(
        capturedAt: captured, frames: Self.block,
        now: captured + .frames(Self.block) + .milliseconds(5))
      #expect(
        verdict
          == .use(
            at: MediaTime(frames: Int64(index * Self.block)), skippingFrames: 0, isSplice: false))
    }
    let expected = start + .frames(300 * Self.block) - .milliseconds(10)
    #expect(abs(((timeline.instantOfPosition ?? start) - expected).inMilliseconds) < 0.5)
  }

  @Test mutating func aDayOfClockDriftIsNoGap() {
    // A sound card 300 ppm fast: its blocks come ever earlier than their nominal length says.
    let driftPerBlock = Duration.frames(Self.block).inNanoseconds * 300 / 1_000_000
    var captured = start
    for _ in 0..<1_000_000 {
      let now = captured + .frames(Self.block) + .milliseconds(5)
      guard
        case .use(_, 0, _) = timeline.accept(capturedAt: captured, frames: Self.block, now: now)
      else {
        Issue.record("a block was not used")
        return
      }
      captured = captured + .frames(Self.block) - .nanoseconds(driftPerBlock)
    }
    #expect(timeline.missingFrames == 0)
    #expect(timeline.discardedFrames == 0)
  }

  @Test mutating func aBacklogIsThrownAwayAndCounted() {
    for index in 0..<100 { _ = deliver(frame: index * Self.block) }
    // The reader is held up for 300 ms; everything queued arrives at once.
    let blocks = 57
    let now = start + .frames((100 + blocks) * Self.block) + .milliseconds(5)
    var used = 0
    for index in 100..<(100 + blocks) {
      let captured = start + .frames(index * Self.block)
      let verdict = timeline.accept(capturedAt: captured, frames: Self.block, now: now)
      if case .use(let at, 0, let isSplice) = verdict {
        #expect(
          abs(at.frames - Int64(index * Self.block)) <= 1, "media time follows capture time")
        #expect(isSplice == (used == 0))
        used += 1
      }
    }
    // What is at most 80 ms older than usual is still of use.
    #expect(used >= 14 && used <= 16)
    #expect(timeline.discardedFrames == (blocks - used) * Self.block)
    #expect(timeline.missingFrames == 0)
    let position = timeline.position
    #expect(
      deliver(frame: (100 + blocks) * Self.block)
        == .use(at: position, skippingFrames: 0, isSplice: false))
  }

  @Test mutating func silenceTakesThePlaceOfACaptureThatStopped() {
    for index in 0..<10 { _ = deliver(frame: index * Self.block) }
    let end = start + .frames(10 * Self.block) + .milliseconds(5)
    #expect(timeline.silence(now: end + .milliseconds(100), maximum: 4800) == nil)
    var now = end + .milliseconds(200)
    let first = timeline.silence(now: now, maximum: 4800)
    #expect(first?.frames == 0)
    #expect(first?.isSplice == true)
    let missing = timeline.missingFrames
    #expect(abs(missing - 9600) <= 1)
    var sent = 0
    for _ in 0..<100 {
      now = now + .milliseconds(10)
      sent += timeline.silence(now: now, maximum: 4800)?.frames ?? 0
    }
    #expect(abs(sent - 48_000) <= 1)
    #expect(timeline.missingFrames == missing)
    // Capture comes back: media time is where the clock says, without a jump.
    let captured = now - .milliseconds(5) + .milliseconds(1)
    guard
      case .use(let at, 0, true) = timeline.accept(
        capturedAt: captured, frames: Self.block,
        now: captured + .frames(Self.block) + .milliseconds(5))
    else {
      Issue.record("the first block is not used")
      return
    }
    #expect(abs(at.frames - Int64((captured - start).frames())) <= 50)
  }

  @Test mutating func soundThatOverlapsSilenceIsNotSaidTwice() {
    for index in 0..<10 { _ = deliver(frame: index * Self.block) }
    let end = start + .frames(10 * Self.block)
    _ = timeline.silence(now: end + .milliseconds(200), maximum: 4800)
    _ = timeline.silence(now: end + .milliseconds(250), maximum: 4800)
    let position = timeline.position
    let captured = (timeline.instantOfPosition ?? start) - .frames(100)
    guard
      case .use(let at, let skipping, true) = timeline.accept(
        capturedAt: captured, frames: Self.block,
        now: captured + .frames(Self.block) + .milliseconds(5))
    else {
      Issue.record("the block is not used")
      return
    }
    #expect(abs(skipping - 100) <= 1)
    #expect(at == position)
  }

  @Test mutating func aBroadcastWithoutAnySoundBeginsWithSilence() {
    #expect(timeline.silence(now: start, maximum: 4800) == nil)
    let due = timeline.silence(now: start + .milliseconds(20), maximum: 4800)
    #expect(due?.at == MediaTime(frames: 0))
    #expect(due?.frames == 960)
    #expect(due?.isSplice == false)
  }
}
