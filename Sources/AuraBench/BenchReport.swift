/// What a load test has found.
package struct BenchReport: Sendable {
  /// How durations spread, in milliseconds.
  package struct Spread: Equatable, Sendable {
    package var count: Int
    package var median: Double, p90: Double, p99: Double, p999: Double, most: Double
  }

  package var asked = 0
  package var joined = 0
  /// Listeners that heard until the end.
  package var stayed = 0
  /// Why the others did not, and how many.
  package var failures: [String: Int] = [:]
  /// From posting the offer to the end of the handshake.
  package var joining: Spread
  /// Listeners that joined each second, from the first offer to the last handshake; zero when none did.
  package var joinRate = 0.0
  /// Seconds that were measured.
  package var seconds: Double
  /// Packets that should have come to those who stayed, and that came.
  package var expected = 0
  package var received = 0
  /// Packets that were due to them, by media time and by the clock; chunks of the original protocol have no
  /// media time, and as many were due as were expected.
  package var due = 0
  package var late = 0
  package var duplicates = 0
  /// Between one packet and the next, of each listener.
  package var gaps: Spread
  /// Between one wake-up and the next of a thread that does nothing else, at the packets' pace, at the same
  /// time: what this computer adds by itself.
  package var baseline: Spread
  /// Packets of the listener with the fewest, and with the most.
  package var fewest = 0
  package var most = 0
  /// Jain's index: 1 when all have the same, 1/n when one has it all.
  package var fairness = 1.0
  /// How much of its time the receiving thread worked, 0 to 1.
  package var load: Double
  /// The longest that what had arrived waited for that thread, and for a processor, in milliseconds.
  package var longestRound: Double
  package var longestOversleep: Double

  /// Packets that did not come, as a fraction.
  package var loss: Double { expected > 0 ? Double(expected - received) / Double(expected) : 0 }

  /// Packets that were due and have no number, for the server has not sent them.
  package var unsent: Int { max(0, due - expected) }

  /// The same as a fraction of what was due.
  package var unsentShare: Double { due > 0 ? Double(unsent) / Double(due) : 0 }

  /// Whether the load generator was too slow for what it was to measure.
  package var isBottleneck: Bool { load > 0.9 || longestRound > max(5, gaps.median / 2) }
}
