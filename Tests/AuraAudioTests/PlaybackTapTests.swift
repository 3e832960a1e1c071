internal import AuraAudio
internal import AuraHost
internal import AuraStream
internal import Glibc
internal import Synchronization
internal import Testing

@Suite struct PlaybackTapTests {
  @Test func anOutputLearnsWhatWasSaidBeforeItCame() {
    let tap = PlaybackTap(minimumFrames: 1024, resumeThreshold: 1)
    #expect(!tap.relax(true))
    let told = Mutex([Bool]())
    tap.followRelaxing { [unowned tap] in told.withLock { $0.append(tap.isRelaxed) } }
    #expect(tap.relax(false))
    tap.followRelaxing(nil)
    #expect(!tap.relax(true))
    #expect(told.withLock { $0 } == [true, false])
  }

  /// The steepest that a fade of 2 ms may be at full level, with room for rounding.
  private static let steepest: Float = 1.0 / 96 + 1e-5

  private func largestStep(_ samples: [Float], after first: Float = 0) -> Float {
    var largest: Float = 0
    var last = first
    for left in stride(from: 0, to: samples.count, by: 2).map({ samples[$0] }) {
      largest = max(largest, abs(left - last))
      last = left
    }
    return largest
  }

  @Test func nothingToPlayIsSilence() {
    let tap = PlaybackTap(minimumFrames: 1024, resumeThreshold: 100)
    #expect(tap.render(frames: 256) == constantFrames(0, count: 256))
    #expect(tap.silentFrames == 256)
    #expect(tap.underruns == 0)
  }

  @Test func soundWaitsForTheThreshold() {
    let tap = PlaybackTap(minimumFrames: 1024, resumeThreshold: 300)
    #expect(tap.write(constantFrames(0.5, count: 299)) == 299)
    #expect(tap.render(frames: 128) == constantFrames(0, count: 128))
    #expect(tap.waitingFrames == 299)
    #expect(tap.write(constantFrames(0.5, count: 1)) == 1)
    #expect(tap.render(frames: 128).last == 0.5)
    // Once it plays, less than the threshold is enough.
    #expect(tap.render(frames: 128) == constantFrames(0.5, count: 128))
    #expect(tap.waitingFrames == 44)
    #expect(tap.underruns == 0)
  }

  /// Who was too late for 64 frames goes on with those that belong there then.
  @Test func whatTheOutputMissedIsLeftOut() throws {
    let tap = PlaybackTap(minimumFrames: 1024, resumeThreshold: 100)
    _ = tap.write(numberedFrames(from: 0, count: 1000))
    _ = tap.render(frames: 128)
    let sound = tap.render(frames: 128, missed: 64)
    // Faded in from silence, for 2 ms.
    #expect(largestStep(Array(sound[..<192])) < 6)
    #expect(sound[192...] == numberedFrames(from: 128 + 64, count: 128)[192...])
    #expect(tap.renderedFrames == 2 * 128 + 64)
    #expect(tap.missedFrames == 64)
    #expect(tap.silentFrames == 0)
    #expect(tap.underruns == 0)
    let report = try #require(tap.report)
    #expect(report.firstFrame == 128 + 64)
  }

  /// What is not there cannot be left out: it is silence like any other.
  @Test func moreThanThereIsCanBeMissed() {
    let tap = PlaybackTap(minimumFrames: 1024, resumeThreshold: 100)
    _ = tap.render(frames: 128, missed: 32)
    #expect(tap.silentFrames == 128 + 32)
    _ = tap.write(constantFrames(0.5, count: 200))
    _ = tap.render(frames: 128)
    _ = tap.render(frames: 128, missed: 100)
    #expect(tap.silentFrames == 128 + 32 + 28 + 128)
    #expect(tap.underruns == 1)
    #expect(tap.missedFrames == 132)
    #expect(tap.renderedFrames == 3 * 128 + 132)
  }

  @Test func thresholdCanBeChanged() {
    let tap = PlaybackTap(minimumFrames: 1024, resumeThreshold: 300)
    _ = tap.write(constantFrames(0.5, count: 200))
    #expect(tap.render(frames: 16) == constantFrames(0, count: 16))
    tap.setResumeThreshold(200)
    #expect(tap.render(frames: 128).last == 0.5)
  }

  @Test func runningDryIsCountedOnceUntilSoundIsBack() {
    let tap = PlaybackTap(minimumFrames: 1024, resumeThreshold: 200)
    _ = tap.write(constantFrames(0.5, count: 200))
    _ = tap.render(frames: 256)
    #expect(tap.underruns == 1)
    #expect(tap.silentFrames == 56)
    _ = tap.write(constantFrames(0.5, count: 199))
    _ = tap.render(frames: 256)
    #expect(tap.underruns == 1)
    #expect(tap.silentFrames == 56 + 256)
    #expect(tap.waitingFrames == 199)
    _ = tap.write(constantFrames(0.5, count: 1))
    _ = tap.render(frames: 256)
    #expect(tap.underruns == 2)
    #expect(tap.silentFrames == 56 + 256 + 56)
  }

  @Test func fullTapTakesNoMore() {
    let tap = PlaybackTap(minimumFrames: 256, resumeThreshold: 1)
    #expect(tap.write(constantFrames(0.5, count: 300)) == 256)
    #expect(tap.write(constantFrames(0.5, count: 1)) == 0)
  }

  @Test func samplesArePlayedAsTheyAre() {
    let tap = PlaybackTap(minimumFrames: 4096, resumeThreshold: 1)
    _ = tap.write(numberedFrames(from: 0, count: 2048))
    _ = tap.render(frames: 100)  // with the fade
    var frame = 100
    for count in [1, 256, 700, 3] {
      #expect(isNumbered(tap.render(frames: count), from: frame))
      frame += count
    }
  }

  @Test(arguments: [16, 32, 64, 96, 100, 256, 1024])
  func nothingClicksHoweverOftenItRunsDry(blockFrames: Int) {
    let tap = PlaybackTap(minimumFrames: 16_384, resumeThreshold: 1)
    var chance = SeededGenerator(seed: UInt64(blockFrames))
    var last: Float = 0
    var largest: Float = 0
    for _ in 0..<400 {
      // The hardest case: full level that stops and starts anywhere.
      _ = tap.write(constantFrames(1, count: Int.random(in: 1...2 * blockFrames, using: &chance)))
      for _ in 0..<Int.random(in: 1...3, using: &chance) {
        let block = tap.render(frames: blockFrames)
        largest = max(largest, largestStep(block, after: last))
        last = block[block.count - 2]
        #expect(block.allSatisfy { (0...1).contains($0) })
      }
    }
    #expect(tap.underruns > 0)
    #expect(largest <= Self.steepest)
  }

  @Test func silenceIsReachedAfterTheFade() {
    let tap = PlaybackTap(minimumFrames: 1024, resumeThreshold: 1)
    _ = tap.write(constantFrames(1, count: 256))
    _ = tap.render(frames: 256)
    let fading = tap.render(frames: 256)
    #expect(fading[0] > 0.9)
    #expect(fading.suffix(2 * 160) == constantFrames(0, count: 160)[...])
  }

  @Test func reportsWhatTheOutputAsks() {
    let tap = PlaybackTap(minimumFrames: 1024, resumeThreshold: 1)
    #expect(tap.lastRender == nil)
    #expect(tap.renderedFrames == 0)
    let first = HostTime(nanoseconds: 5_000_000)
    _ = tap.render(frames: 480, at: first, delay: .milliseconds(7))
    _ = tap.render(frames: 256, at: first + .milliseconds(10), delay: .milliseconds(8))
    #expect(tap.renderedFrames == 736)
    #expect(tap.lastRender == first + .milliseconds(10))
    #expect(tap.largestRequestFrames == 480)
    #expect(tap.reportedOutputDelay == .milliseconds(8))
  }

  /// An output and a writer as fast as they can: what is written is played, in order.
  @Test func twoThreadsAgree() {
    let tap = PlaybackTap(minimumFrames: 1024, resumeThreshold: 1)
    let total = 50_000
    let deadline = HostClock.now + .seconds(60)
    let writer = HostThread(name: "writer") {
      var chance = SeededGenerator(seed: 4)
      var written = 0
      while written < total, HostClock.now < deadline {
        let count = min(Int.random(in: 1...300, using: &chance), total - written)
        let accepted = tap.write(constantFrames(1, count: count))
        written += accepted
        if accepted == 0 { sched_yield() }
      }
    }
    var largest: Float = 0
    var last: Float = 0
    while tap.renderedFrames - tap.silentFrames < total, HostClock.now < deadline {
      let block = tap.render(frames: 64)
      largest = max(largest, largestStep(block, after: last))
      last = block[block.count - 2]
    }
    writer.join()
    #expect(tap.renderedFrames - tap.silentFrames == total)
    #expect(tap.waitingFrames == 0)
    #expect(largest <= Self.steepest)
  }
}
