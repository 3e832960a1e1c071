/// Fits a straight line through the last points of two clocks: where they stand to each other, and how
/// fast they part. Weighted least squares over a bounded number of points.
package struct DriftEstimator: Sendable {
  /// One comparison: `difference` between the clocks when the first one showed `time`.
  package struct Point: Equatable, Sendable {
    /// Nanoseconds on the first clock.
    package var time: Int64
    /// The second clock less the first, in nanoseconds.
    package var difference: Int64
    /// How far the difference may be off, in nanoseconds; above zero.
    package var deviation: Double

    package init(time: Int64, difference: Int64, deviation: Double) {
      self.time = time
      self.difference = difference
      self.deviation = deviation
    }
  }

  /// The line: `difference` at `time`, changing by `slope` nanoseconds in each nanosecond.
  package struct Line: Equatable, Sendable {
    package var time: Int64
    package var difference: Int64
    package var slope: Double
    /// How far `difference` may be off, in nanoseconds.
    package var deviation: Double

    /// The difference at another time of the first clock.
    package func difference(at time: Int64) -> Int64 {
      difference.saturatingAdd(
        Int64(saturating: Double(time.saturatingSubtract(self.time)) * slope))
    }

    /// How much faster the second clock is, in parts per million.
    package var ppm: Double { slope * 1e6 }
  }

  /// Clocks of computers and sound cards differ by less: a steeper slope is noise.
  package static let steepest = 0.001

  private let capacity: Int
  /// How far apart the slopes of clocks may be, before anything is known: it keeps the first lines flat.
  private let expectedSlope: Double
  private var points: [Point] = []
  /// The line through the points; nil without any.
  package private(set) var line: Line?

  /// - Parameters:
  ///   - capacity: how many points the line goes through at most.
  ///   - expectedPPM: by how much such clocks usually part.
  package init(capacity: Int, expectedPPM: Double) {
    self.capacity = capacity
    expectedSlope = expectedPPM / 1e6
    points.reserveCapacity(capacity + 1)
  }

  package var count: Int { points.count }

  /// Adds a point, and forgets the oldest when there is no room.
  package mutating func insert(_ point: Point) {
    points.append(point)
    if points.count > capacity { points.removeFirst() }
    line = fit()
  }

  /// Takes other points for all there were: at most as many as there is room for.
  package mutating func replace(with points: [Point]) {
    self.points = points.suffix(capacity)
    line = fit()
  }

  /// Forgets everything.
  package mutating func reset() {
    points.removeAll(keepingCapacity: true)
    line = nil
  }

  /// Around the newest point, so that nothing large is squared; the slope is pulled to zero by what is
  /// known of clocks, which says nothing once the points say more.
  private func fit() -> Line? {
    guard let newest = points.last else { return nil }
    var (weights, meanTime, meanDifference) = (0.0, 0.0, 0.0)
    for point in points {
      let weight = 1 / (point.deviation * point.deviation)
      weights += weight
      meanTime += weight * Double(point.time.saturatingSubtract(newest.time))
      meanDifference += weight * Double(point.difference.saturatingSubtract(newest.difference))
    }
    meanTime /= weights
    meanDifference /= weights
    var (spread, product) = (1 / (expectedSlope * expectedSlope), 0.0)
    for point in points {
      let weight = 1 / (point.deviation * point.deviation)
      let time = Double(point.time.saturatingSubtract(newest.time)) - meanTime
      let difference = Double(point.difference.saturatingSubtract(newest.difference))
      spread += weight * time * time
      product += weight * time * (difference - meanDifference)
    }
    let slope = min(max(product / spread, -Self.steepest), Self.steepest)
    let variance = 1 / weights + meanTime * meanTime / spread
    return Line(
      time: newest.time,
      difference: newest.difference.saturatingAdd(
        Int64(saturating: meanDifference - slope * meanTime)),
      slope: slope, deviation: variance.squareRoot())
  }
}
