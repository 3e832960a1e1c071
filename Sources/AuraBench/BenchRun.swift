internal import AuraHost
internal import AuraStream
internal import AuraTransport
internal import AuraWeb
internal import Synchronization

/// A load test: listeners join at a rate, hear for a while, and leave.
package final class BenchRun: Sendable {
  /// How far it has come.
  package struct Progress: Sendable {
    package var asked = 0
    package var joined = 0
    package var failed = 0
    package var isMeasuring = false
    package var isFinished = false
  }

  /// Attempts to join that may be unanswered at once.
  private static let mostPending = 512
  private static let mostTries = 5

  /// Why a listener did not come again, although it was told to.
  private struct TooLate: Error, CustomStringConvertible {
    let description: String

    init(_ refusal: WHEPClientError) {
      description = "\(refusal) That is longer than this run lasts: it was not tried again."
    }
  }

  private struct State {
    var progress = Progress()
    var listeners: [BenchListener] = []
    var failures: [String: Int] = [:]
  }

  private let plan: BenchPlan
  private let interfaces = NetworkInterfaces.current()
  private let tally = BenchTally()
  private let start = HostClock.now
  private let state = Mutex(State())

  package init(_ plan: BenchPlan) { self.plan = plan }

  package var progress: Progress {
    state.withLock { state in
      var progress = state.progress
      progress.joined = state.listeners.count { $0.current.hasStarted }
      return progress
    }
  }

  /// Runs it to its end; where its task is cancelled, that is now: nobody joins any more, and what was measured so
  /// far is found.
  ///
  /// - Returns: what was found.
  /// - Throws: `TransportError` when this computer cannot.
  package func run() async throws -> BenchReport {
    defer { state.withLock { $0.progress.isFinished = true } }
    return switch plan.target {
    case .whep(let address): try await runWHEP(address)
    case .original(let host, let port): try await runOriginal(host, port)
    }
  }

  private func runWHEP(_ address: WHEPAddress) async throws -> BenchReport {
    var configuration = PlayerLoop.Configuration()
    configuration.opensMedia = plan.opensMedia
    configuration.takesKernelTime = true
    let loop = try PlayerLoop(configuration)
    // Short: the thread ends when it is woken.
    defer { loop.stop() }
    await joinAll { await self.join($0, address, loop) }
    return await measure(loop.takeLag)
  }

  private func runOriginal(_ host: String, _ port: Int) async throws -> BenchReport {
    let crowd = try OriginalCrowd(host: host, port: port)
    defer { crowd.stop() }
    await joinAll { number in
      let listener = BenchListener(self.tally, askedAt: HostClock.now)
      self.state.withLock { state in
        state.progress.asked += 1
        state.listeners.append(listener)
      }
      crowd.join(from: self.plan.source(of: number).map { "\($0)" }, sink: listener)
    }
    return await measure(crowd.takeLag)
  }

  private func measure(_ takeLag: () -> LoopLag) async -> BenchReport {
    await settle()
    let pace = Metronome(interval: interval, tally)
    _ = takeLag()
    let begin = HostClock.now
    state.withLock { $0.progress.isMeasuring = true }
    tally.beginMeasuring(now: begin)
    try? await Task.sleep(for: plan.duration)
    let end = HostClock.now
    tally.endMeasuring(now: end)
    pace.stop()
    let lag = takeLag()
    await catchUp(with: end)
    return report(from: begin, to: end, lag: lag)
  }

  /// Waits until what has come until an instant is taken: who is behind then would count it as never sent.
  private func catchUp(with end: HostTime) async {
    let listeners = state.withLock { $0.listeners }
    let limit = ContinuousClock.now + .seconds(5)
    while ContinuousClock.now < limit, !Task.isCancelled {
      let isBehind = listeners.contains { listener in
        let counts = listener.current
        return counts.end == nil && counts.lastArrival.map { $0 < end } ?? false
      }
      guard isBehind else { return }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  /// The time from one packet to the next, as the first listeners have it.
  private var interval: Duration {
    let listeners = state.withLock { $0.listeners.prefix(50) }
    let intervals = listeners.compactMap(\.current.interval).sorted()
    return intervals.isEmpty ? .milliseconds(20) : intervals[intervals.count / 2]
  }

  private func joinAll(_ join: @escaping @Sendable (Int) async -> Void) async {
    let begin = ContinuousClock.now
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<plan.listeners where !Task.isCancelled {
        if number >= Self.mostPending { await group.next() }
        let due = begin + .seconds(Double(number) / plan.joinRate)
        try? await Task.sleep(until: due, clock: .continuous)
        group.addTask { await join(number) }
      }
    }
  }

  private func join(_ number: Int, _ address: WHEPAddress, _ loop: PlayerLoop) async {
    state.withLock { $0.progress.asked += 1 }
    // A crowd goes where its owner has sent it.
    let client = WHEPClient(staysOnHost: true)
    do {
      let seat = try loop.makeSeat(
        binding: plan.binding(of: number), reachable: plan.reachable(of: number, interfaces))
      let askedAt = HostClock.now
      for attempt in 1... {
        do throws(WHEPClientError) {
          let joined = try await client.join(
            address, offer: seat.offer, from: plan.source(of: number))
          let listener = BenchListener(tally, askedAt: askedAt)
          loop.begin(seat, try answer(joined.answer, address), sink: listener)
          state.withLock { $0.listeners.append(listener) }
          return
        } catch {
          guard case .later(_, let seconds, _) = error, attempt < Self.mostTries, !Task.isCancelled
          else { throw error }
          guard let wait = plan.wait(seconds, passed: HostClock.now - start) else {
            throw TooLate(error)
          }
          try? await Task.sleep(for: wait)
        }
      }
    } catch {
      state.withLock { state in
        state.progress.failed += 1
        state.failures["\(error)", default: 0] += 1
      }
    }
  }

  private func answer(
    _ text: String, _ address: WHEPAddress
  ) throws(WHEPClientError) -> PlayerAnswer {
    do throws(PlayerAnswerError) {
      return try PlayerAnswer(parsing: text)
    } catch {
      throw .refused(status: 201, error.description)
    }
  }

  /// Waits until everybody who was let in has heard a little or has given up.
  private func settle() async {
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end, !Task.isCancelled {
      let listeners = state.withLock { $0.listeners }
      let isDone = listeners.allSatisfy { listener in
        let counts = listener.current
        // Heard a little: the pace is told by that.
        return counts.end != nil || counts.hasStarted && counts.interval != nil
      }
      if isDone { return }
      try? await Task.sleep(for: .milliseconds(50))
    }
  }

  private func report(from begin: HostTime, to end: HostTime, lag: LoopLag) -> BenchReport {
    let (listeners, failures) = state.withLock { ($0.listeners, $0.failures) }
    let counts = listeners.map(\.current)
    // Whoever hears no more has a gap that no packet has ended.
    for listener in counts where listener.hasStarted && listener.end == nil {
      let silence = end - (listener.lastMeasured ?? begin)
      if silence > listener.longestGap { tally.record(gap: silence) }
    }
    var report = BenchReport(
      joining: tally.joinSpread, seconds: (end - begin).inSeconds, gaps: tally.gapSpread,
      baseline: tally.baselineSpread,
      load: lag.load, longestRound: lag.longestRound.inMilliseconds,
      longestOversleep: lag.longestOversleep.inMilliseconds)
    report.asked = plan.listeners
    report.joined = counts.count { $0.hasStarted }
    if let first = listeners.map(\.askedAt).min(), let last = counts.compactMap(\.joinedAt).max() {
      report.joinRate = Double(report.joined) / (last - first).inSeconds
    }
    report.failures = failures
    // Chunks have no numbers: what the best served listener got is what was sent, but for one at the
    // edges of the time.
    let mostChunks = counts.map(\.chunks).max() ?? 0
    let packetFrames = counts.compactMap(\.pace.packetFrames).min()
    for listener in counts {
      guard listener.hasStarted, listener.end == nil else {
        report.failures[listener.end ?? "No handshake was made in time.", default: 0] += 1
        continue
      }
      report.stayed += 1
      let received = listener.reception.received + listener.chunks
      let expected = max(received, listener.reception.expected, mostChunks - 1)
      report.expected += expected
      report.due += max(
        expected, listener.pace.due(from: begin, to: end, usual: packetFrames) ?? expected)
      report.received += received
      report.late += listener.reception.late
      report.duplicates += listener.reception.duplicates
    }
    let shares = counts.filter { $0.hasStarted && $0.end == nil }.map {
      $0.reception.received + $0.chunks
    }
    report.fewest = shares.min() ?? 0
    report.most = shares.max() ?? 0
    report.fairness = Self.fairness(shares)
    return report
  }

  static func fairness(_ shares: [Int]) -> Double {
    let sum = shares.reduce(0.0) { $0 + Double($1) }
    let squares = shares.reduce(0.0) { $0 + Double($1) * Double($1) }
    return squares > 0 ? sum * sum / (Double(shares.count) * squares) : 1
  }
}
