/// Knows what the server's clock shows, from questions and answers (in the spirit of RFC 5905).
///
/// The last four minutes of them give offset and skew by the fastest ways there and back, each for itself
/// (`ClockEnvelope`): slow ones say nothing and do no harm. An answer that cannot be true by its own
/// bounds says that a clock has stepped (a computer has slept); two that agree are believed at once.
package struct ServerClock: Sendable {
  /// How many exchanges count.
  package static let most = 256
  /// Round trips beyond this say nothing.
  private static let longestRoundTrip = Duration.seconds(3)
  /// What is forgiven before a step is suspected, and more for every second without an answer.
  private static let tolerance = Duration.microseconds(300)
  private static let tolerancePPM = 100.0

  private var exchanges: [ClockExchange] = []
  private var line: ClockEnvelope.Line?
  private var suspect: ClockExchange?
  private var smoothRoundTrip: Double?  // seconds

  /// Times one of the two clocks has stepped.
  package private(set) var steps = 0
  /// Answers that could not be used.
  package private(set) var refused = 0

  package init() { exchanges.reserveCapacity(Self.most + 1) }

  /// Whether anything is known.
  package var isKnown: Bool { line != nil }
  /// How much faster the server's clock is than ours.
  package var driftPPM: Double { line?.ppm ?? 0 }
  /// The server's clock less ours, by the last answers; nil while nothing is known.
  package var offset: Duration? { line.map { .nanoseconds($0.difference) } }
  /// How far off the answer may be: no farther in 99 of 100 networks whose shortest ways there and back are
  /// as long; nil while nothing is known.
  package var uncertainty: Duration? {
    line.map { .nanoseconds(Int64(saturating: $0.deviation)) }
  }
  /// How far off it usually is: less than that; nil while nothing is known.
  package var usualError: Duration? { line.map { .nanoseconds(Int64(saturating: $0.usual)) } }
  /// The usual way there and back; nil while nothing is known.
  package var roundTrip: Duration? { smoothRoundTrip.map { .nanoseconds(Int64($0 * 1e9)) } }

  /// The shortest way there and back of late; nil while nothing is known.
  package var shortestRoundTrip: Duration? {
    exchanges.map(\.roundTrip).min().map { max(.zero, $0) }
  }

  /// What the server's clock shows at an instant of ours.
  package func serverTime(at local: HostTime) -> HostTime? {
    line.map { local + .nanoseconds($0.difference(at: local.nanoseconds)) }
  }

  /// Our instant when the server's clock shows, or showed, a time.
  package func localTime(of server: HostTime) -> HostTime? {
    guard let line else { return nil }
    let near = server - .nanoseconds(line.difference)
    return server - .nanoseconds(line.difference(at: near.nanoseconds))
  }

  /// Learns from an answer.
  package mutating func insert(_ exchange: ClockExchange) {
    let roundTrip = exchange.roundTrip
    guard roundTrip >= .microseconds(-100), roundTrip <= Self.longestRoundTrip else {
      refused += 1
      return
    }
    if let error = error(of: exchange), error > bound(of: exchange) {
      guard let first = suspect, agree(first, exchange) else {
        suspect = exchange
        refused += 1
        return
      }
      steps += 1
      exchanges = [first]
    }
    suspect = nil
    exchanges.append(exchange)
    if exchanges.count > Self.most { exchanges.removeFirst() }
    let seconds = max(0, roundTrip.inSeconds)
    smoothRoundTrip = smoothRoundTrip.map { $0 + (seconds - $0) / 8 } ?? seconds
    fit()
  }

  /// Forgets everything: another server.
  package mutating func reset() { self = ServerClock() }

  private mutating func fit() {
    line = ClockEnvelope.line(through: exchanges)
    // A clock that is slewed changes its pace in the middle: what is newer counts.
    while line?.isTorn ?? false, exchanges.count > 1 {
      exchanges.removeFirst((exchanges.count + 1) / 2)
      line = ClockEnvelope.line(through: exchanges)
    }
  }

  private static func middle(_ exchange: ClockExchange) -> Int64 {
    (exchange.asked + (exchange.received - exchange.asked) / 2).nanoseconds
  }

  private func error(of exchange: ClockExchange) -> Duration? {
    guard let line else { return nil }
    let error = exchange.offset.saturatingSubtract(line.difference(at: Self.middle(exchange)))
    return .nanoseconds(Int64(clamping: error.magnitude))
  }

  /// The largest error that can be without a step.
  private func bound(of exchange: ClockExchange) -> Duration {
    let silence = exchanges.last.map { exchange.received - $0.received } ?? .zero
    let drift = Double(max(.zero, silence).inNanoseconds) * Self.tolerancePPM / 1e6
    let known = line?.deviation ?? 0
    let shortest = exchanges.map(\.roundTrip).min() ?? .zero
    return (exchange.roundTrip + shortest) / 2 + Self.tolerance
      + .nanoseconds(Int64(saturating: drift + known))
  }

  private func agree(_ a: ClockExchange, _ b: ClockExchange) -> Bool {
    let error = b.offset.saturatingSubtract(a.offset)
    let silence = Double((b.received - a.received).inNanoseconds)
    let bound = (a.roundTrip + b.roundTrip) / 2 + Self.tolerance
    return abs(Double(error)) <= Double(bound.inNanoseconds) + silence * Self.tolerancePPM / 1e6
  }
}
