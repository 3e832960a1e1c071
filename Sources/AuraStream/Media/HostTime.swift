/// An instant on this computer's monotonic clock, in nanoseconds.
///
/// It is the clock the sound servers report in (CLOCK_MONOTONIC on Linux): it never steps and
/// stops while the machine sleeps. Rules take it as an argument and never read it themselves.
package struct HostTime: Comparable, Hashable, Sendable {
  /// Nanoseconds since an arbitrary origin, the same for every process on this computer.
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  package static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }

  package static func + (time: Self, duration: Duration) -> Self {
    Self(nanoseconds: time.nanoseconds + duration.inNanoseconds)
  }

  package static func - (time: Self, duration: Duration) -> Self {
    Self(nanoseconds: time.nanoseconds - duration.inNanoseconds)
  }

  package static func - (a: Self, b: Self) -> Duration {
    .nanoseconds(a.nanoseconds - b.nanoseconds)
  }
}

extension Duration {
  /// The whole duration in nanoseconds; saturates after 292 years.
  package var inNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    return product + attoseconds / 1_000_000_000
  }

  /// The duration in milliseconds, for people and for statistics.
  package var inMilliseconds: Double { Double(inNanoseconds) / 1e6 }

  /// The duration in seconds, for arithmetic on rates.
  package var inSeconds: Double { Double(inNanoseconds) / 1e9 }

  /// The time that `frames` frames take at `rate` frames a second.
  package static func frames(_ frames: Int, at rate: Int = MediaTime.rate) -> Duration {
    .nanoseconds(Int64(frames) * 1_000_000_000 / Int64(rate))
  }

  /// How many whole frames at `rate` fit into the duration.
  package func frames(at rate: Int = MediaTime.rate) -> Int {
    Int(inNanoseconds / 1000 * Int64(rate) / 1_000_000)
  }
}
