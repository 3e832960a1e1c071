/// One question for the server's clock and its answer: the four instants of NTP (RFC 5905 section 8).
package struct ClockExchange: Equatable, Sendable {
  /// When we asked, on our clock.
  package var asked: HostTime
  /// When the server got it, on its clock.
  package var served: HostTime
  /// When the server answered, on its clock.
  package var answered: HostTime
  /// When the answer came, on our clock.
  package var received: HostTime

  package init(asked: HostTime, served: HostTime, answered: HostTime, received: HostTime) {
    self.asked = asked
    self.served = served
    self.answered = answered
    self.received = received
  }

  /// The exchange that an echo of our clock completes (RFC 3611, RRTR and DLRR); nil before the server
  /// has heard a question.
  ///
  /// - Parameters:
  ///   - echo: the server's echo of a question whose NTP time was `NTPTime(HostTime)` of our clock.
  ///   - reportedAt: the NTP time of the sender report that came along with it.
  ///   - received: when both came.
  package init?(
    echo: DelaySinceReference.Report, reportedAt: NTPTime, received: HostTime
  ) {
    guard echo.lastReference != 0 else { return nil }
    // The echo is the middle of our time: its upper part is that of now or just before; of the part
    // below, up to 15 microseconds, half is taken.
    let now = NTPTime(received)
    let age = (Int64(now.middle &- echo.lastReference) * 1_000_000_000) >> 16
    let below = (Int64(now.value & 0xffff) * 1_000_000_000) >> 32
    let asked = received - .nanoseconds(age + below - 7_629)
    let answered = HostTime(reportedAt)
    self.init(
      asked: asked, served: answered - echo.delay.duration,
      answered: answered, received: received)
  }

  /// The way there and back, without the time the server took. It may be slightly negative where
  /// clocks are read in coarse units.
  package var roundTrip: Duration { (received - asked) - (answered - served) }

  /// The server's clock less ours in the middle of the exchange, in nanoseconds; off by half of the
  /// round trip at most.
  package var offset: Int64 {
    (served - asked).inNanoseconds / 2 + (answered - received).inNanoseconds / 2
  }
}

extension HostTime {
  /// The instant on the clock that an NTP time was made from: the reverse of `NTPTime(_:)`.
  package init(_ time: NTPTime) {
    let seconds = Int64(bitPattern: time.value) >> 32
    let fraction = Int64(time.value & 0xffff_ffff)
    self.init(
      nanoseconds: seconds &* 1_000_000_000 &+ (fraction &* 1_000_000_000 &+ 1 << 31) >> 32)
  }
}
