/// What many exchanges say of another clock together, by the fastest ways there and back.
///
/// A question takes the shortest way there and something on top, its answer the shortest way back and
/// something on top; on top is never less than nothing. So the other clock less ours is at most what any
/// question shows, and at least what any answer shows. Between two lines that keep to all of these the middle
/// is taken: it is right where both shortest ways are as long. The few fastest decide, so the error shrinks
/// with the number of exchanges, not with its root, and slow ones do no harm.
struct ClockEnvelope: Sendable {
  /// The other clock less ours: `difference` nanoseconds at `time` on ours, changing by `slope` in each.
  struct Line: Equatable, Sendable {
    var time: Int64
    var difference: Int64
    var slope: Double
    /// How far `difference` may be off, in nanoseconds: no farther in 99 of 100 networks, where both
    /// shortest ways are as long.
    var deviation: Double
    /// How far it is off usually.
    var usual: Double

    func difference(at time: Int64) -> Int64 {
      difference.saturatingAdd(
        Int64(saturating: Double(time.saturatingSubtract(self.time)) * slope))
    }

    /// How much faster the other clock is, in parts per million.
    var ppm: Double { slope * 1e6 }
    /// Whether no line keeps to all of the exchanges: a clock was set, or has changed its pace.
    var isTorn: Bool
  }

  /// How finely clocks are told in reports, and how steadily they are read, in nanoseconds.
  private static let resolution = 20_000.0
  /// By how much clocks of computers usually part: it keeps the first lines flat.
  private static let expectedSlope = 30e-6
  /// Less than this makes no difference in the time that is looked at.
  private static let finestSlope = 1e-9
  /// Of how many slopes the mean is taken, and how much less likely than the best the last are: e to that.
  private static let slopes = (count: 32, depth: 8.0)
  /// What scatters evenly lies half as densely at its least as what decays, for the same mean.
  private static let density = 0.5

  private let time: Int64
  private let base: Int64
  private let there: ClockBounds
  private let back: ClockBounds
  /// How far the fastest usually is above the shortest way, in nanoseconds; and by the faster half alone.
  private let step: (cautious: Double, hopeful: Double)

  /// The likeliest line; nil without exchanges.
  static func line(through exchanges: [ClockExchange]) -> Line? {
    ClockEnvelope(exchanges)?.line
  }

  private init?(_ exchanges: [ClockExchange]) {
    guard let newest = exchanges.last else { return nil }
    (time, base) = (newest.received.nanoseconds, newest.offset)
    var (there, back): ([ClockBounds.Point], [ClockBounds.Point]) = ([], [])
    there.reserveCapacity(exchanges.count)
    back.reserveCapacity(exchanges.count)
    for exchange in exchanges {
      let (asked, received) = (exchange.asked.nanoseconds, exchange.received.nanoseconds)
      let most = exchange.served.nanoseconds.saturatingSubtract(asked).saturatingSubtract(base)
      let least = exchange.answered.nanoseconds.saturatingSubtract(received)
      there.append(.init(age: Double(time.saturatingSubtract(asked)), room: Double(most)))
      back.append(
        .init(
          age: Double(time.saturatingSubtract(received)),
          room: Double(base.saturatingSubtract(least))))
    }
    self.there = ClockBounds(there)
    self.back = ClockBounds(back)
    // One that was held up for long says nothing of the others.
    let trips = exchanges.map { Double($0.roundTrip.inNanoseconds) }.sorted()
    let share = 1 / (2 * Self.density * Double(trips.count))
    step = (
      cautious: share * (trips[trips.count / 2] - trips[0] + Self.resolution),
      hopeful: share * (trips[(trips.count - 1) / 2] - trips[0] + Self.resolution)
    )
  }

  /// The mean of all lines, weighted by how likely they are: nearer to the truth than the likeliest.
  private var line: Line {
    let best = likeliestSlope
    let range = (best - reach(from: best, -1))...(best + reach(from: best, 1))
    let (top, count) = (likelihood(best), Double(Self.slopes.count))
    // The best has next to no weight, but where all others have none.
    var weights = 1e-9
    var slope = weights * best
    var difference = weights * middle(best)
    var square = difference * middle(best)
    for number in 0..<Self.slopes.count {
      let place = (Double(number) + 0.5) / count
      let candidate = range.lowerBound + (range.upperBound - range.lowerBound) * place
      let weight = Self.power(likelihood(candidate) - top)
      let middle = middle(candidate)
      weights += weight
      slope += weight * candidate
      difference += weight * middle
      square += weight * middle * middle
    }
    (slope, difference, square) = (slope / weights, difference / weights, square / weights)
    let spread = max(0, square - difference * difference).squareRoot()
    let room = (there.room(slope) + back.room(-slope)) / 2
    let unseen = max(there.unseen(slope), back.unseen(-slope))
    return Line(
      time: time, difference: base.saturatingAdd(Int64(saturating: difference)), slope: slope,
      // Half of the room is certain, for a slope. Within it, what even the fastest had on top is told by how
      // close to each other the fastest lie.
      deviation: min(max(0, room), unseen) + 3 * spread + Self.resolution,
      usual: step.hopeful + spread,
      isTorn: (there.room(best) + back.room(-best)) / 2 < -Self.resolution)
  }

  /// The difference at present between what questions leave and what answers leave.
  private func middle(_ slope: Double) -> Double { (there.room(slope) - back.room(-slope)) / 2 }

  /// The logarithm of it: the more room all of the exchanges leave, the likelier they are.
  private func likelihood(_ slope: Double) -> Double {
    let steepness = slope / Self.expectedSlope
    return (there.room(slope) + back.room(-slope)) / step.cautious - steepness * steepness / 2
  }

  /// The likelihood is concave: its maximum can be cornered.
  private var likeliestSlope: Double {
    var (low, high) = (-DriftEstimator.steepest, DriftEstimator.steepest)
    while high - low > Self.finestSlope {
      let third = (high - low) / 3
      if likelihood(low + third) < likelihood(high - third) { low += third } else { high -= third }
    }
    return (low + high) / 2
  }

  /// How far a slope may be from the best to one side and still count.
  private func reach(from best: Double, _ sign: Double) -> Double {
    let least = likelihood(best) - Self.slopes.depth
    var (near, far) = (0.0, DriftEstimator.steepest - sign * best)
    while far - near > Self.finestSlope {
      let middle = (near + far) / 2
      if likelihood(best + sign * middle) < least { far = middle } else { near = middle }
    }
    return far
  }

  /// e to the x, nearly, for x from -8 to 0; less is next to nothing, and more is 1.
  private static func power(_ x: Double) -> Double {
    var power = min(1, max(0, 1 + x / 256))
    for _ in 0..<8 { power *= power }
    return power
  }
}

/// What questions, or answers, leave between them and a line.
private struct ClockBounds: Sendable {
  struct Point {
    /// How long ago, in nanoseconds.
    var age: Double
    /// How far from the line through the newest exchange, in nanoseconds.
    var room: Double
  }

  /// How many times the distance from the least of two to so many values to the largest of them the least
  /// may be above what they all are above, in 199 of 200 cases: the (k - 1)th root of 200, less 1.
  private static let farthest = [
    199, 13.14, 4.848, 2.761, 1.885, 1.418, 1.132, 0.939, 0.802, 0.699, 0.619,
  ]

  private let points: [Point]
  /// Those that are the nearest for any slope: the lower convex hull.
  private var nearest: [Point] = []

  init(_ points: [Point]) {
    self.points = points.sorted { $0.age > $1.age }
    for point in self.points {
      while let last = nearest.last, nearest.count > 1 {
        let before = nearest[nearest.count - 2]
        let turn =
          (before.age - last.age) * (point.room - before.room)
          - (before.age - point.age) * (last.room - before.room)
        guard turn <= 0 else { break }
        nearest.removeLast()
      }
      nearest.append(point)
    }
  }

  /// What they leave at present, where the clocks part so fast.
  func room(_ slope: Double) -> Double {
    var room = Double.infinity
    for point in nearest { room = min(room, point.room + slope * point.age) }
    return room
  }

  /// How far the fastest may have been above the shortest way: near their least, times scatter evenly, so it is
  /// about as far as one of the next is from the one before.
  func unseen(_ slope: Double) -> Double {
    let fastest = points.map { $0.room + slope * $0.age }.sorted()
      .prefix(Self.farthest.count + 1)
    guard fastest.count > 1, let first = fastest.first, let last = fastest.last else {
      return .infinity
    }
    return (last - first) * Self.farthest[fastest.count - 2]
  }
}
