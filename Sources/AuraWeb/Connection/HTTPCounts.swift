internal import Synchronization

/// What HTTP has seen since it began. Any thread.
final class HTTPCounts: Sendable {
  private let answers = Mutex<[Int: Int]>([:])
  /// Connections closed because there were too many, of all or of their address.
  let crowded = Atomic<Int>(0)
  /// Connections closed because their client took too long.
  let slow = Atomic<Int>(0)
  /// Requests that were no HTTP.
  let malformed = Atomic<Int>(0)

  func didAnswer(_ status: Int) { answers.withLock { $0[status, default: 0] += 1 } }

  /// As `/metrics` tells it.
  func metrics(connections: Int, streams: Int) -> [Metric] {
    let answers = answers.withLock { $0 }.sorted { $0.key < $1.key }
    return [
      Metric("http_connections", .gauge, "Connections that are open.", connections),
      Metric("http_event_streams", .gauge, "Connections that follow the status.", streams),
      Metric(
        "http_answers_total", .counter, "Requests answered, by status.", by: "status",
        answers.map { ("\($0.key)", $0.value) }),
      Metric(
        "http_closed_total", .counter, "Connections and requests ended without an answer of ours.",
        by: "reason",
        [
          ("crowded", crowded.load(ordering: .relaxed)), ("slow", slow.load(ordering: .relaxed)),
          ("malformed", malformed.load(ordering: .relaxed)),
        ]),
    ]
  }
}
