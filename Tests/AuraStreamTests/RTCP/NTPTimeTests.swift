import AuraStream
import Testing

struct NTPTimeTests {
  @Test func secondsAndFractionsAreWhereTheRFCHasThem() {
    let time = NTPTime(HostTime(nanoseconds: 0x1234_5678 * 1_000_000_000 + 750_000_000))
    #expect(time.value == 0x1234_5678_c000_0000)
    #expect(time.middle == 0x5678_c000)
  }

  @Test func anInstantBeforeTheOriginKeepsItsDistance() {
    let before = NTPTime(HostTime(nanoseconds: -500_000_000))
    let after = NTPTime(HostTime(nanoseconds: 500_000_000))
    #expect(after.value &- before.value == 1 << 32)
    #expect(
      NTPTime(HostTime(nanoseconds: .min)).value != NTPTime(HostTime(nanoseconds: .max)).value)
  }

  @Test func durationsRoundAndSaturate() {
    #expect(NTPShortDuration(.milliseconds(1500)).units == 0x0001_8000)
    #expect(NTPShortDuration(.milliseconds(-1)).units == 0)
    #expect(NTPShortDuration(.seconds(100_000)).units == .max)
    #expect(NTPShortDuration(.seconds(Int64.max)).units == .max)
    #expect(NTPShortDuration(units: 0x0001_8000).duration == .milliseconds(1500))
    #expect(NTPShortDuration(units: .max).duration > .seconds(65_535))
  }

  /// The example of RFC 3550 section 6.4.1, figure 2.
  @Test func theRoundTripOfTheRFCsExample() {
    let arrival = NTPTime(value: 0xb44d_b710_8000_0000)
    let block = ReportBlock(
      ssrc: 1, fractionLost: 0, cumulativeLost: 0, highestSequenceNumber: 0, jitter: 0,
      lastSenderReport: 0xb705_2000, delaySinceLastSenderReport: .init(units: 0x0005_4000))
    #expect(block.roundTrip(arrival: arrival) == .milliseconds(6125))
  }

  @Test func aRoundTripThatCannotBeIsNone() {
    let arrival = NTPTime(HostTime(nanoseconds: 100_000_000_000))
    func roundTrip(_ echoed: UInt32, _ held: UInt32) -> Duration? {
      NTPShortDuration.roundTrip(arrival: arrival, echoed: echoed, held: .init(units: held))
    }
    #expect(roundTrip(0, 0) == nil)  // no report has come yet
    #expect(roundTrip(arrival.middle, 1 << 16) == nil)  // answered a second before it was asked
    #expect(roundTrip(arrival.middle, 1) == .zero)  // rounding
    #expect(roundTrip(arrival.middle &- 0x7000_0000, 0) == nil)  // eight hours
    #expect(roundTrip(arrival.middle &- 655, 0) == .nanoseconds(9_994_506))
  }

  @Test func theRoundTripSurvivesTheWrapOfTheMiddle() {
    let sent = NTPTime(HostTime(nanoseconds: 65_535_990_000_000))
    let arrival = NTPTime(HostTime(nanoseconds: 65_536_030_000_000))
    #expect(arrival.middle < sent.middle)
    let trip = NTPShortDuration.roundTrip(
      arrival: arrival, echoed: sent.middle, held: .init(.milliseconds(10)))
    #expect(abs((trip ?? .zero).inMilliseconds - 30) < 0.1)
  }
}
