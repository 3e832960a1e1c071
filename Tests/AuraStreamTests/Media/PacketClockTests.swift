import AuraStream
import Dispatch
import Testing

@Suite struct PacketClockTests {
  private let clock = PacketClock(offset: 0xFFFF_FF00)

  @Test func timestampsCountFramesAndWrap() {
    #expect(clock.timestamp(of: MediaTime(frames: 0)) == 0xFFFF_FF00)
    #expect(clock.timestamp(of: MediaTime(frames: 256)) == 0)
    #expect(clock.timestamp(of: MediaTime(frames: 256 + 3 << 32)) == 0)
  }

  @Test(arguments: [0, 1, 480, 1 << 31, 1 << 32, 5 << 32 + 77] as [Int64])
  func aTimestampMeansTheNearestFrame(frames: Int64) {
    let time = MediaTime(frames: frames)
    for away in [0, 1, -1, 48_000 * 3600 * 12, -48_000 * 3600 * 12] {
      #expect(clock.mediaTime(of: clock.timestamp(of: time), near: time + away) == time)
    }
  }

  @Test func aReportIsAPointOfTheLine() {
    // 100 ppm slow, so that host time and frames part.
    let line = TimelineLine(
      media: MediaTime(frames: 1000), host: HostTime(nanoseconds: 5_000_000_000),
      nanosecondsPerFrame: TimelineLine.nominal * 1.0001)
    let now = HostTime(nanoseconds: 65_000_012_345)
    let report = clock.report(at: now, on: line)
    let frame = clock.mediaTime(of: report.timestamp, near: line.mediaTime(at: now))
    #expect(line.instant(of: frame) == report.instant)
    #expect(abs((report.instant - now).inNanoseconds) <= 10_418)  // half a frame
    #expect(abs(line.ratePPM + 100) < 0.1)
  }

  @Test func aSharedLineIsNeverHalfOfOneAndHalfOfAnother() {
    let shared = SharedTimelineLine()
    #expect(shared.load() == nil)
    @Sendable func line(_ number: Int64) -> TimelineLine {
      TimelineLine(
        media: MediaTime(frames: number), host: HostTime(nanoseconds: number),
        nanosecondsPerFrame: Double(number))
    }
    DispatchQueue.concurrentPerform(iterations: 3) { index in
      if index == 0 {
        for number in 1...200_000 { shared.store(line(Int64(number))) }
      } else {
        var newest: Int64 = 0
        while newest < 200_000 {
          guard let loaded = shared.load() else { continue }
          guard loaded == line(loaded.media.frames), loaded.media.frames >= newest else {
            Issue.record("\(loaded) after \(newest)")
            return
          }
          newest = loaded.media.frames
        }
      }
    }
    #expect(shared.load() == line(200_000))
  }
}
