internal import AuraStream
internal import Histogram
internal import Synchronization

/// What all listeners have in common: the time of measurement, and the spread of arrivals.
final class BenchTally: Sendable {
  /// In nanoseconds; what is longer than a minute counts as a minute.
  private let gaps = Mutex(BenchTally.makeHistogram())
  private let baselines = Mutex(BenchTally.makeHistogram())
  private let joins = Mutex(BenchTally.makeHistogram())
  /// When measurement began and ended, in nanoseconds of the host's clock; zero: it has not.
  private let begin = Atomic<Int64>(0)
  private let end = Atomic<Int64>(0)

  private static let longest: UInt64 = 60_000_000_000

  private static func makeHistogram() -> Histogram<UInt64> {
    Histogram(
      lowestDiscernibleValue: 1_000, highestTrackableValue: longest,
      numberOfSignificantValueDigits: .three)
  }

  /// When measurement began, if an instant lies in it; nil before measurement and after it.
  func measuredSince(at instant: HostTime) -> HostTime? {
    let begin = begin.load(ordering: .relaxed)
    let end = end.load(ordering: .relaxed)
    guard begin != 0, instant.nanoseconds >= begin, end == 0 || instant.nanoseconds <= end
    else { return nil }
    return HostTime(nanoseconds: begin)
  }

  func beginMeasuring(now: HostTime) { begin.store(now.nanoseconds, ordering: .relaxed) }

  /// What came until `now` still counts, whenever it is taken.
  func endMeasuring(now: HostTime) { end.store(now.nanoseconds, ordering: .relaxed) }

  func record(gap: Duration) { Self.record(gap, in: gaps) }

  /// The time from one wake-up of a thread without work to the next.
  func record(baseline: Duration) { Self.record(baseline, in: baselines) }

  func record(join: Duration) { Self.record(join, in: joins) }

  private static func record(_ duration: Duration, in histogram: borrowing Mutex<Histogram<UInt64>>)
  {
    let nanoseconds = min(UInt64(max(0, duration.inNanoseconds)), longest)
    _ = histogram.withLock { $0.record(nanoseconds) }
  }

  var gapSpread: BenchReport.Spread { Self.spread(gaps) }
  var baselineSpread: BenchReport.Spread { Self.spread(baselines) }
  var joinSpread: BenchReport.Spread { Self.spread(joins) }

  private static func spread(_ histogram: borrowing Mutex<Histogram<UInt64>>) -> BenchReport.Spread
  {
    histogram.withLock { histogram in
      func milliseconds(_ percentile: Double) -> Double {
        Double(histogram.valueAtPercentile(percentile)) / 1e6
      }
      return BenchReport.Spread(
        count: Int(histogram.totalCount), median: milliseconds(50), p90: milliseconds(90),
        p99: milliseconds(99), p999: milliseconds(99.9), most: Double(histogram.max) / 1e6)
    }
  }
}
