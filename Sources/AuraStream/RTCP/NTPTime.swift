/// An instant in NTP's 64 bits: seconds, and 2^-32 seconds (RFC 3550 section 4).
///
/// Its epoch is that of `HostTime`, not 1900: sender reports carry this computer's monotonic
/// timeline, which never steps. RFC 3550 allows it; only differences have a meaning.
package struct NTPTime: Comparable, Hashable, Sendable {
  /// Seconds in the upper half, fractions in the lower.
  package var value: UInt64

  package init(value: UInt64) { self.value = value }

  /// The same instant; negative ones wrap, which keeps differences right.
  package init(_ time: HostTime) {
    let (seconds, rest) = time.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    // Signed, so that what lies before the origin borrows from the seconds.
    let fraction = (rest << 32) / 1_000_000_000
    value = UInt64(bitPattern: (seconds << 32) &+ fraction)
  }

  /// The middle 32 bits, as reports echo them: units of 1/65,536 s, wrapping after 18 hours.
  package var middle: UInt32 { UInt32(truncatingIfNeeded: value >> 16) }

  package static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// A duration as reports carry it: units of 1/65,536 s in 32 bits.
package struct NTPShortDuration: Comparable, Hashable, Sendable {
  package var units: UInt32

  package init(units: UInt32) { self.units = units }

  /// Rounded to the nearest unit; below zero becomes zero, above 18 hours the greatest.
  package init(_ duration: Duration) {
    let nanoseconds = max(0, duration.inNanoseconds)
    let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    let units =
      (seconds < 1 << 17 ? seconds << 16 : 1 << 33) + (rest << 16 + 500_000_000) / 1_000_000_000
    self.units = UInt32(clamping: units)
  }

  /// The same duration, exact to a nanosecond.
  package var duration: Duration { .nanoseconds((Int64(units) * 1_000_000_000) >> 16) }

  package static func < (a: Self, b: Self) -> Bool { a.units < b.units }
}

extension NTPShortDuration {
  /// How long an echoed report was under way, there and back (RFC 3550 section 6.4.1).
  ///
  /// - Parameters:
  ///   - arrival: when the echo arrived, on the clock the echoed timestamp was taken from.
  ///   - echoed: the middle of that timestamp; zero when the peer has had none yet.
  ///   - held: how long the peer kept it.
  /// - Returns: nil without a timestamp, or when the numbers cannot be true: negative beyond rounding,
  ///   or above ten minutes.
  package static func roundTrip(arrival: NTPTime, echoed: UInt32, held: Self) -> Duration? {
    guard echoed != 0 else { return nil }
    let units = Int32(bitPattern: arrival.middle &- echoed &- held.units)
    // A peer's clock rounds and drifts: a loopback answer may come a little "before" its question.
    guard units > -65 else { return nil }
    guard units < 600 << 16 else { return nil }
    return Self(units: UInt32(max(0, units))).duration
  }
}
