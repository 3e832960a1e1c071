internal import AuraStream
internal import Synchronization

/// The status, again and again, for a bounded number of followers.
///
/// It is looked at for all of them together, and not at all while there is none. Any thread.
final class StatusFeed: Sendable {
  private struct Follower {
    var stream: AsyncStream<WebStatus>.Continuation
    /// Nil where it is not known: those share one share.
    var source: IPAddress?
  }

  private struct State {
    var followers: [Int: Follower] = [:]
    var nextFollower = 0
    var looking: Task<Void, Never>?
    var isEnded = false
  }

  private let state = Mutex(State())
  private let handler: any WHEPHandler
  private let most: Int
  private let mostPerAddress: Int
  private let interval: Duration

  /// - Parameters:
  ///   - handler: knows the status.
  ///   - most: followers at once.
  ///   - mostPerAddress: of those, from one address.
  ///   - interval: from one look to the next.
  init(_ handler: any WHEPHandler, most: Int, mostPerAddress: Int, interval: Duration) {
    self.handler = handler
    self.most = most
    self.mostPerAddress = mostPerAddress
    self.interval = interval
  }

  /// How many follow.
  var count: Int { state.withLock { $0.followers.count } }

  /// One more follower, whose place is free again as soon as the stream is given up.
  ///
  /// - Returns: the newest status after each look, until the feed ends; nil when there is no room.
  func follow(from source: IPAddress?) -> AsyncStream<WebStatus>? {
    let (stream, follower) = AsyncStream.makeStream(
      of: WebStatus.self, bufferingPolicy: .bufferingNewest(1))
    let number: Int? = state.withLock { state in
      guard !state.isEnded, state.followers.count < most,
        state.followers.values.count(where: { $0.source == source }) < mostPerAddress
      else { return nil }
      state.nextFollower += 1
      state.followers[state.nextFollower] = Follower(stream: follower, source: source)
      if state.looking == nil { state.looking = Task { [weak self] in await self?.look() } }
      return state.nextFollower
    }
    guard let number else { return nil }
    follower.onTermination = { [weak self] _ in self?.leave(number) }
    return stream
  }

  /// Ends every stream, and begins none any more.
  func end() {
    let followers = state.withLock { state in
      state.isEnded = true
      state.looking?.cancel()
      return Array(state.followers.values)
    }
    // Outside of the lock: each of them leaves at once.
    for follower in followers { follower.stream.finish() }
  }

  private func leave(_ number: Int) {
    state.withLock { state in
      state.followers[number] = nil
      guard state.followers.isEmpty else { return }
      state.looking?.cancel()
      state.looking = nil
    }
  }

  private func look() async {
    while (try? await Task.sleep(for: interval)) != nil {
      let status = await handler.status()
      for follower in state.withLock({ Array($0.followers.values) }) {
        follower.stream.yield(status)
      }
    }
  }
}
