import AuraBench
import AuraStream
import Testing

@Suite struct PacketPaceTests {
  private static let begin = HostTime(nanoseconds: 1_000_000_000)
  private static let frames = 480

  /// A stream of 10 ms packets, from a number and a timestamp that soon wrap.
  private struct Stream {
    var pace = PacketPace()
    var number: UInt16 = 65_500
    var timestamp: UInt32 = .max - 4_800
    var now = begin

    mutating func send(_ count: Int, isCounted: Bool = true) {
      for _ in 0..<count {
        now = now + .milliseconds(10)
        number &+= 1
        timestamp &+= UInt32(frames)
        pace.note(number: number, timestamp: timestamp, now: now, isCounted: isCounted)
      }
    }

    /// Nothing is sent although media time goes on: packets without a number.
    mutating func skip(_ count: Int) {
      now = now + .milliseconds(10 * count)
      timestamp &+= UInt32(frames * count)
    }

    /// Packets are sent, and do not come.
    mutating func lose(_ count: Int) {
      skip(count)
      number &+= UInt16(count)
    }

    func due(until end: HostTime? = nil) -> Int? {
      pace.due(from: begin, to: end ?? now, usual: nil)
    }
  }

  @Test func whatWasSentWasDue() {
    var stream = Stream()
    stream.send(300)
    #expect(stream.due() == 300)
    stream.lose(20)
    stream.send(1)
    #expect(stream.due() == 321)
    #expect(stream.pace.packetFrames == Self.frames)
  }

  @Test func whatComesAfterwardsWasNotDue() {
    var stream = Stream()
    stream.send(100)
    let end = stream.now
    stream.send(30, isCounted: false)
    #expect(stream.due(until: end) == 100)
  }

  @Test func whatWasNotSentWasDueToo() {
    var stream = Stream()
    stream.send(100)
    stream.skip(150)
    stream.send(50)
    #expect(stream.due() == 300)
  }

  @Test func everySecondPacketSkippedFromTheBeginningOfCountingOn() {
    var stream = Stream()
    stream.send(5, isCounted: false)
    let before = stream.now
    for _ in 0..<100 {
      stream.skip(1)
      stream.send(1)
    }
    // The first that is counted begins it.
    #expect(stream.pace.due(from: before, to: stream.now, usual: nil) == 199)
  }

  @Test func silenceAtEitherEnd() {
    var stream = Stream()
    stream.skip(50)
    stream.send(50)
    let end = stream.now + .milliseconds(300)
    // But for what may be on its way.
    #expect(stream.due(until: end) == 41 + 50 + 20)
  }

  @Test func whoHearsNothingIsToldByOthers() {
    let pace = PacketPace()
    let end = Self.begin + .milliseconds(1_100)
    #expect(pace.due(from: Self.begin, to: end, usual: nil) == nil)
    #expect(pace.due(from: Self.begin, to: end, usual: Self.frames) == 100)
  }

  @Test func anotherTimelineIsNoPause() {
    var stream = Stream()
    stream.send(100)
    stream.timestamp &+= 1_000_000_000
    stream.send(100)
    stream.timestamp &-= 500_000_000
    stream.send(100)
    #expect(stream.due() == 300)
  }

  @Test func whatIsOvertakenOrTwiceDoesNotCount() {
    var stream = Stream()
    stream.send(10)
    let (number, timestamp) = (stream.number, stream.timestamp)
    stream.send(10)
    for _ in 0..<2 {
      stream.pace.note(number: number, timestamp: timestamp, now: stream.now, isCounted: true)
    }
    stream.send(10)
    #expect(stream.due() == 30)
  }

  /// A server may send what it likes, and a clock may go back.
  @Test func nonsenseIsCountedWithoutHarm() {
    var state: UInt64 = 7
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 16
    }
    for _ in 0..<20 {
      var pace = PacketPace()
      for _ in 0..<2_000 {
        let at = HostTime(nanoseconds: Int64(next() % 4_000_000_000))
        pace.note(
          number: UInt16(truncatingIfNeeded: next()), timestamp: UInt32(truncatingIfNeeded: next()),
          now: at, isCounted: next() % 3 > 0)
      }
      let due = pace.due(from: Self.begin, to: Self.begin + .seconds(3), usual: nil) ?? 0
      #expect(due >= 0)
    }
  }
}
