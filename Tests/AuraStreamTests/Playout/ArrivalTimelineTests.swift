import AuraStream
import Testing

struct ArrivalTimelineTests {
  private static let base = 1_000.0

  /// Packets of 10 ms from a card `ppm` fast; each comes `delay` seconds after its time.
  private func feed(
    _ timeline: inout ArrivalTimeline, packets: Range<Int>, ppm: Double = 0,
    delay: (Int) -> Double
  ) -> Int? {
    for packet in packets {
      let sent = Self.base + Double(packet) * 0.01 / (1 + ppm / 1e6)
      let hasRestarted = timeline.insert(
        MediaTime(frames: Int64(packet * 480)),
        at: HostTime(nanoseconds: Int64((sent + delay(packet)) * 1e9)))
      if hasRestarted { return packet }
    }
    return nil
  }

  /// How far the line is from when packets are sent, in milliseconds.
  private func lateness(_ timeline: ArrivalTimeline, packet: Int, ppm: Double = 0) -> Double {
    guard let line = timeline.line else { return .nan }
    let sent = Self.base + Double(packet) * 0.01 / (1 + ppm / 1e6)
    return line.instant(of: MediaTime(frames: Int64(packet * 480))).inSeconds * 1e3 - sent * 1e3
  }

  @Test(arguments: [0.0, 300, -300])
  func jitterDoesNotMoveItAndDriftDoes(ppm: Double) {
    var generator = SeededGenerator(seed: 7)
    var timeline = ArrivalTimeline()
    let end = 30_000
    _ = feed(&timeline, packets: 0..<end, ppm: ppm) { _ in
      0.02 + Double.random(in: 0...0.06, using: &generator)
    }
    #expect(timeline.restarts == 0)
    // The earliest of a second's hundred packets are on time but for 0.6 ms.
    #expect(abs(lateness(timeline, packet: end, ppm: ppm) - 20.6) < 1)
  }

  @Test func anotherWayThroughTheNetworkIsFollowed() {
    var timeline = ArrivalTimeline()
    _ = feed(&timeline, packets: 0..<3000) { _ in 0.02 }
    _ = feed(&timeline, packets: 3000..<3500) { _ in 0.05 }
    #expect(abs(lateness(timeline, packet: 3500) - 50) < 2)
    #expect(timeline.restarts == 0)
  }

  @Test func aFreezeIsNoNewTimeline() {
    var timeline = ArrivalTimeline()
    _ = feed(&timeline, packets: 0..<1000) { _ in 0.02 }
    // Three seconds of packets come in 100 ms.
    let restarted = feed(&timeline, packets: 1000..<1300) { packet in
      0.02 + 3 - 3 * Double(packet - 1000) / 300 + Double(packet - 1000) / 3000
    }
    #expect(restarted == nil)
    _ = feed(&timeline, packets: 1300..<2000) { _ in 0.02 }
    #expect(abs(lateness(timeline, packet: 2000) - 20) < 1)
  }

  @Test(arguments: [2.0, -2, 60, -60])
  func aClockThatStepsIs(step: Double) {
    var timeline = ArrivalTimeline()
    _ = feed(&timeline, packets: 0..<1000) { _ in 0.02 }
    let restarted = feed(&timeline, packets: 1000..<1100) { _ in 0.02 + step }
    #expect(restarted.map { $0 <= 1035 } ?? false)
    #expect(abs(lateness(timeline, packet: 1040) - (20 + step * 1e3)) < 1)
  }
}

extension HostTime {
  fileprivate var inSeconds: Double { Double(nanoseconds) / 1e9 }
}
