import AuraStream
import Testing

struct SenderTimelineTests {
  /// A report every second of a sound card that is `ppm` fast.
  private func feed(
    _ timeline: inout SenderTimeline, seconds: Range<Int>, ppm: Double, base: Double = 50
  ) {
    for second in seconds {
      let instant = base + Double(second)
      let frames = Int64(Double(second) * 48_000 * (1 + ppm / 1e6))
      timeline.insert(
        media: MediaTime(frames: 4_000_000_000 + frames),
        at: HostTime(nanoseconds: Int64(instant * 1e9)))
    }
  }

  @Test(arguments: [0.0, 300, -300])
  func offsetAndRateAreFound(ppm: Double) throws {
    var timeline = SenderTimeline()
    #expect(timeline.line == nil)
    feed(&timeline, seconds: 0..<40, ppm: ppm)
    let line = try #require(timeline.line)
    // Ten seconds ahead.
    let frames = Int64(50.0 * 48_000 * (1 + ppm / 1e6))
    let instant = line.instant(of: MediaTime(frames: 4_000_000_000 + frames))
    #expect(abs(instant.nanoseconds - 100_000_000_000) < 30_000)
    #expect(abs(timeline.ratePPM - ppm) < 1)
    #expect(timeline.steps == 0)
  }

  @Test func afterTwoReportsItHoldsForTheNextSecond() throws {
    var timeline = SenderTimeline()
    feed(&timeline, seconds: 0..<3, ppm: 300)
    let frames = Int64(3 * 48_000 * (1 + 300 / 1e6))
    let instant = try #require(timeline.line).instant(of: MediaTime(frames: 4_000_000_000 + frames))
    #expect(abs(instant.nanoseconds - 53_000_000_000) < 60_000)
  }

  @Test func aNewOriginIsBelievedAtTheSecondReport() throws {
    var timeline = SenderTimeline()
    feed(&timeline, seconds: 0..<20, ppm: 10)
    feed(&timeline, seconds: 20..<21, ppm: 10, base: 60)
    let before = try #require(timeline.line).instant(of: MediaTime(frames: 4_000_000_000))
    #expect(abs(before.nanoseconds - 50_000_000_000) < 50_000)
    feed(&timeline, seconds: 21..<22, ppm: 10, base: 60)
    let after = try #require(timeline.line).instant(of: MediaTime(frames: 4_000_000_000))
    #expect(abs(after.nanoseconds - 60_000_000_000) < 300_000)
    #expect(timeline.steps == 1)
  }
}
