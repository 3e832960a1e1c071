import AuraStream
import Foundation
import Testing

struct DriftEstimatorTests {
  /// Once a second: what a clock `ppm` fast and `offset` ns ahead shows more, and noise of a standard deviation.
  private func points(
    _ seconds: Range<Int>, ppm: Double, offset: Int64 = 0, deviation: Double, noise: Double = 0,
    seed: UInt64 = 1
  ) -> [DriftEstimator.Point] {
    var dice = SeededGenerator(seed: seed)
    return seconds.map { second in
      let radius = (-2 * log(Double.random(in: 1e-12...1, using: &dice))).squareRoot()
      let normal = radius * cos(2 * .pi * Double.random(in: 0..<1, using: &dice))
      return DriftEstimator.Point(
        time: Int64(second) * 1_000_000_000,
        difference: offset + Int64(Double(second) * 1e3 * ppm + noise * normal),
        deviation: deviation)
    }
  }

  private func line(
    _ points: [DriftEstimator.Point], capacity: Int = 256, expectedPPM: Double = 50
  ) throws -> DriftEstimator.Line {
    var estimator = DriftEstimator(capacity: capacity, expectedPPM: expectedPPM)
    for point in points { estimator.insert(point) }
    return try #require(estimator.line)
  }

  @Test func nothingIsKnownWithoutPointsAndAPlaceWithOne() throws {
    var estimator = DriftEstimator(capacity: 8, expectedPPM: 50)
    #expect(estimator.line == nil && estimator.count == 0)
    estimator.insert(.init(time: 5, difference: -7, deviation: 1))
    let line = try #require(estimator.line)
    #expect(line.difference(at: 5) == -7 && line.slope == 0 && line.deviation == 1)
    estimator.reset()
    #expect(estimator.line == nil && estimator.count == 0)
  }

  @Test(arguments: [300.0, -300, 0.5])
  func cleanPointsTellTheDriftAndWhereItLeads(ppm: Double) throws {
    let line = try line(points(0..<60, ppm: ppm, offset: 1 << 50, deviation: 1_000))
    #expect(abs(line.ppm - ppm) < 0.001)
    // A minute later still to the microsecond.
    let later = line.difference(at: 119_000_000_000) - (1 << 50)
    #expect(abs(Double(later) - 119e3 * ppm) < 1_000)
  }

  /// Two points 1 ms uncertain, a second and a millisecond apart, could be 1,000 ppm; such clocks there are not.
  @Test func aFewNoisyPointsMakeNoSlope() throws {
    let line = try line([
      .init(time: 0, difference: 0, deviation: 1e6),
      .init(time: 1_000_000_000, difference: 1_000_000, deviation: 1e6),
    ])
    #expect(abs(line.ppm) < 2)
    #expect(abs(line.difference(at: 1_000_000_000) - 500_000) < 2_000)
  }

  @Test func aPointCountsByWhatItKnows() throws {
    var points = points(0..<30, ppm: 20, deviation: 1e4)
    points.append(.init(time: 30_000_000_000, difference: 50_000_000, deviation: 5e7))
    let line = try line(points)
    #expect(abs(line.ppm - 20) < 0.1)
    #expect(abs(line.difference(at: 30_000_000_000) - 600_000) < 5_000)
  }

  /// The truth is farther from the line than two of the deviations it tells in one run of twenty.
  @Test func theDeviationItTellsIsTrue() throws {
    var beyond = 0
    for seed in 1...400 as ClosedRange<UInt64> {
      let ppm = Double(seed % 101) - 50
      let line = try line(
        points(0..<40, ppm: ppm, deviation: 2e5, noise: 2e5, seed: seed), expectedPPM: 30)
      let error = Double(line.difference(at: 39_000_000_000)) - 39e3 * ppm
      beyond += abs(error) > 2 * line.deviation ? 1 : 0
    }
    #expect((4...40).contains(beyond), "\(beyond) of 400")
  }

  @Test func theOldestAreForgotten() throws {
    var estimator = DriftEstimator(capacity: 30, expectedPPM: 50)
    for point in points(0..<100, ppm: 0, deviation: 1e3) { estimator.insert(point) }
    // The card has become warm.
    for point in points(100..<130, ppm: 40, offset: -4_000_000, deviation: 1e3) {
      estimator.insert(point)
    }
    #expect(estimator.count == 30)
    #expect(abs(try #require(estimator.line).ppm - 40) < 0.1)
    estimator.replace(with: points(0..<90, ppm: -15, deviation: 1e3))
    #expect(estimator.count == 30)
    #expect(abs(try #require(estimator.line).ppm + 15) < 0.1)
  }

  @Test func noClockIsSteeperThanClocksAre() throws {
    let line = try line(points(0..<100, ppm: 5_000, deviation: 1), expectedPPM: 1e6)
    #expect(line.slope == DriftEstimator.steepest)
  }

  @Test func theFarthestInstantsDoNotOverflow() throws {
    var estimator = DriftEstimator(capacity: 4, expectedPPM: 50)
    for (time, difference) in [(Int64.min, Int64.max), (.max, .min), (0, 0), (.max, .max)] {
      estimator.insert(.init(time: time, difference: difference, deviation: 1))
      let line = try #require(estimator.line)
      #expect(abs(line.slope) <= DriftEstimator.steepest)
      _ = line.difference(at: .min)
      _ = line.difference(at: .max)
    }
  }
}
