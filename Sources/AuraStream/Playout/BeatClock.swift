/// Knows when `/join` flashes: at the whole seconds of the host's clock, as instants of ours.
package struct BeatClock: Sendable {
  /// The host's clock as its answers tell it; nil where it is our own.
  private var server: ServerClock?

  /// - Parameter isOurs: whether this computer is the host; else nothing is known before an answer.
  package init(isOurs: Bool) { server = isOurs ? nil : ServerClock() }

  /// Whether flashes are known.
  package var isKnown: Bool { server?.isKnown ?? true }

  /// Takes an answer of the host's clock; of no account where that is our own.
  package mutating func insert(_ exchange: ClockExchange) { server?.insert(exchange) }

  /// The flash nearest to an instant of ours; nil before the first answer.
  package func flash(nearest instant: HostTime) -> HostTime? {
    guard let server else { return Self.beat(nearest: instant) }
    return server.serverTime(at: instant).flatMap { server.localTime(of: Self.beat(nearest: $0)) }
  }

  private static func beat(nearest time: HostTime) -> HostTime {
    let period = BeatTaps.period.inNanoseconds
    let since = (time.nanoseconds % period + period) % period
    return time + .nanoseconds(since < period / 2 ? -since : period - since)
  }
}
