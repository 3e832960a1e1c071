/// An instant on this computer's monotonic clock, in nanoseconds.
///
/// It is the clock the sound servers report in (CLOCK_MONOTONIC on Linux): it never steps and
/// stops while the machine sleeps. Rules take it as an argument and never read it themselves.
package struct HostTime: Comparable, Hashable, Sendable {
  /// Nanoseconds since an arbitrary origin, the same for every process on this computer.
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  package static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }

  // Other computers' clocks can show anything: what is out of range is the farthest there is.

  package static func + (time: Self, duration: Duration) -> Self {
    Self(nanoseconds: time.nanoseconds.saturatingAdd(duration.inNanoseconds))
  }

  package static func - (time: Self, duration: Duration) -> Self {
    Self(nanoseconds: time.nanoseconds.saturatingSubtract(duration.inNanoseconds))
  }

  package static func - (a: Self, b: Self) -> Duration {
    .nanoseconds(a.nanoseconds.saturatingSubtract(b.nanoseconds))
  }
}

extension Int64 {
  /// The sum, or the nearest number to it that there is.
  func saturatingAdd(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }

  /// The difference, or the nearest number to it that there is.
  func saturatingSubtract(_ other: Int64) -> Int64 {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other < 0 ? .max : .min) : difference
  }

  /// The nearest whole number; zero for what is none.
  init(saturating number: Double) {
    let rounded = number.rounded()
    self = Int64(exactly: rounded) ?? (rounded.isNaN ? 0 : rounded < 0 ? .min : .max)
  }
}

extension Duration {
  /// The whole duration in nanoseconds; saturates after 292 years.
  package var inNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    return product.saturatingAdd(attoseconds / 1_000_000_000)
  }

  /// The duration in milliseconds, for people and for statistics.
  package var inMilliseconds: Double { Double(inNanoseconds) / 1e6 }

  /// The duration in seconds, for arithmetic on rates.
  package var inSeconds: Double { Double(inNanoseconds) / 1e9 }

  /// The time that `frames` frames take at `rate` frames a second.
  package static func frames(_ frames: Int, at rate: Int = MediaTime.rate) -> Duration {
    // Whole seconds apart: the frames of 53 hours, in nanoseconds, overflow before they are divided.
    .nanoseconds(frames / rate * 1_000_000_000 + frames % rate * 1_000_000_000 / rate)
  }

  /// How many whole frames at `rate` fit into the duration.
  package func frames(at rate: Int = MediaTime.rate) -> Int {
    let nanoseconds = Int(inNanoseconds)
    return nanoseconds / 1_000_000_000 * rate + nanoseconds % 1_000_000_000 * rate / 1_000_000_000
  }
}
