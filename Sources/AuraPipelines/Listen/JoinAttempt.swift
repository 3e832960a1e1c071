internal import AuraHost
internal import AuraStream
internal import AuraTransport
internal import AuraWeb
internal import Synchronization

/// One attempt to join over WHEP, made beside the thread that plays.
final class JoinAttempt: Sendable {
  /// A way in: the session may begin.
  struct Success: Sendable {
    var seat: PlayerSeat
    var answer: PlayerAnswer
    var endpoint: WHEPAddress
    /// Ends the session when deleted.
    var session: WHEPAddress?
    var isLocal: Bool
    /// Whether the server understands what we tell of ourselves.
    var isOurs: Bool
  }

  enum Failure: Error {
    /// Nobody is there.
    case lost(String)
    /// What is there will not have us; a try later may help, or not.
    case refused(String)
    /// It says when to try again.
    case later(String, Duration)
  }

  private enum State {
    case pending
    case done(Result<Success, Failure>)
    case abandoned
  }

  private let state = Mutex(State.pending)

  /// Begins.
  ///
  /// - Parameters:
  ///   - target: where.
  ///   - loop: where the session is to live.
  ///   - patience: how long a connection may take to be made.
  ///   - wakeUp: given when there is an outcome.
  init(_ target: Listener.WHEPTarget, loop: PlayerLoop, patience: Duration, wakeUp: WakeUp) {
    Task.detached {
      let client = WHEPClient(connecting: patience)
      let result: Result<Success, Failure>
      do throws(Failure) {
        result = .success(try await Self.join(target, loop, client))
      } catch {
        result = .failure(error)
      }
      let isWanted = self.state.withLock { state in
        if case .abandoned = state { return false }
        state = .done(result)
        return true
      }
      wakeUp.signal()
      if !isWanted, case .success(let joined) = result, let session = joined.session {
        try? await client.leave(session)
      }
    }
  }

  /// How it ended; nil before.
  var outcome: Result<Success, Failure>? {
    state.withLock { if case .done(let result) = $0 { result } else { nil } }
  }

  /// Nobody waits for it any more: a session that it still gets is ended.
  func abandon() { state.withLock { $0 = .abandoned } }

  private static func join(
    _ target: Listener.WHEPTarget, _ loop: PlayerLoop, _ client: WHEPClient
  ) async throws(Failure) -> Success {
    let endpoint: WHEPAddress
    do throws(WHEPClientError) {
      endpoint = try await self.endpoint(of: target, client)
    } catch {
      throw failure(error)
    }
    let seat = try seat(in: loop)
    do {
      let joined = try await client.join(endpoint, offer: seat.offer)
      return Success(
        seat: seat, answer: try PlayerAnswer(parsing: joined.answer), endpoint: endpoint,
        session: joined.session, isLocal: joined.isLocal,
        isOurs: endpoint.isOurs)
    } catch let error as WHEPClientError {
      throw failure(error)
    } catch {
      throw .refused("\(error)")
    }
  }

  private static func endpoint(
    of target: Listener.WHEPTarget, _ client: WHEPClient
  ) async throws(WHEPClientError) -> WHEPAddress {
    switch target {
    case .endpoint(let address): return address
    case .either(let address): return try await client.endpoints(of: address).first ?? address
    case .server(let server):
      guard let endpoint = try await client.endpoints(of: server).first else {
        throw .notHTTP(server)
      }
      return endpoint
    }
  }

  /// With our addresses, for a server that wants to reach us first; without IPv6 where there is none.
  private static func seat(in loop: PlayerLoop) throws(Failure) -> PlayerSeat {
    let addresses = NetworkInterfaces.current().interfaces
      .filter { $0.isUp && !$0.isLoopback }.flatMap { $0.addresses.map(\.address) }
    if let seat = try? loop.makeSeat(reachable: addresses) { return seat }
    do throws(TransportError) {
      return try loop.makeSeat(binding: ["0.0.0.0"], reachable: addresses.filter(\.isIPv4))
    } catch {
      throw .lost(error.description)
    }
  }

  private static func failure(_ error: WHEPClientError) -> Failure {
    switch error {
    case .unreachable, .notHTTP: .lost(error.description)
    case .refused, .redirected, .unknownName, .untrusted: .refused(error.description)
    case .later(_, let seconds, _): .later(error.description, .seconds(seconds))
    }
  }
}
