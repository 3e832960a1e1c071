internal import AuraHost
internal import AuraStream
internal import AuraWeb

/// Asks a broadcast what its clock shows: a few times quickly, then now and then. For one thread.
struct ClockQuestions {
  enum Outcome: Sendable {
    case answered(ClockExchange, by: WHEPAddress)
    /// A sentence.
    case failed(String)
  }

  private static let quick = (answers: 5, every: Duration.milliseconds(250))
  private static let every = Duration.seconds(5)

  /// Where the broadcast may be, the likeliest place first; once it was found, where it is.
  private var places: [WHEPAddress]
  private var answers = 0
  private var next: HostTime?
  private var isWaiting = false
  /// Questions without an answer since the last one.
  private(set) var failures = 0

  /// - Parameters:
  ///   - plan: whom to ask.
  ///   - token: what lets us in at a URL's server.
  init(_ plan: ListenPlan, token: String?) {
    if var endpoint = plan.endpoint {
      endpoint.token = token
      places = [endpoint]
    } else {
      places = plan.webPorts.map { WHEPAddress(host: plan.server.host, port: $0, path: "/") }
    }
  }

  /// Asks when it is time to, and not before the last question has had its outcome.
  ///
  /// - Parameters:
  ///   - now: the present.
  ///   - take: given the outcome, on another thread; `note` wants it.
  mutating func ask(now: HostTime, _ take: @escaping @Sendable (Outcome) -> Void) {
    guard !isWaiting, next.map({ $0 <= now }) ?? true else { return }
    isWaiting = true
    let places = places
    Task.detached { take(await Self.outcome(of: places)) }
  }

  /// Takes an outcome in.
  mutating func note(_ outcome: Outcome, now: HostTime) {
    isWaiting = false
    switch outcome {
    case .answered(_, let endpoint):
      places = [endpoint]
      answers += 1
      failures = 0
    case .failed: failures += 1
    }
    next = now + (failures == 0 && answers < Self.quick.answers ? Self.quick.every : Self.every)
  }

  private static func outcome(of places: [WHEPAddress]) async -> Outcome {
    let client = WHEPClient()
    var failure: WHEPClientError?
    for place in places {
      do throws(WHEPClientError) {
        guard let endpoint = try await endpoint(at: place, client) else {
          failure = failure ?? .notHTTP(place)
          continue
        }
        guard let exchange = try await client.clock(of: endpoint, by: { HostClock.now }) else {
          return .failed("There is no sound of \(endpoint) yet, or no such broadcast.")
        }
        return .answered(exchange, by: endpoint)
      } catch {
        failure = failure ?? error
      }
    }
    return .failed(failure?.description ?? "")
  }

  /// - Returns: nil where another kind of server is.
  private static func endpoint(
    at place: WHEPAddress, _ client: WHEPClient
  ) async throws(WHEPClientError) -> WHEPAddress? {
    place.isOurs ? place : try await client.endpoints(of: place).first
  }
}
