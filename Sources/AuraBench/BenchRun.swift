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

  private struct State {
    var progress = Progress()
    var listeners: [BenchListener] = []
    var failures: [String: Int] = [:]
  }

  private let plan: BenchPlan
  private let tally = BenchTally()
  private let state = Mutex(State())

  package init(_ plan: BenchPlan) { self.plan = plan }

  package var progress: Progress {
    state.withLock { state in
      var progress = state.progress
      progress.joined = state.listeners.count { $0.current.hasStarted }
      return progress
    }
  }

  /// Runs it to its end.
  ///
  /// - Returns: what was found.
  /// - Throws: `TransportError` when this computer cannot.
  package func run() async throws -> BenchReport {
    defer { state.withLock { $0.progress.isFinished = true } }
    var configuration = PlayerLoop.Configuration()
    configuration.opensMedia = plan.opensMedia
    let loop = try PlayerLoop(configuration)
    // Short: the thread ends when it is woken.
    defer { loop.stop() }
    await joinAll(loop)
    await settle()
    _ = loop.takeLag()
    let begin = HostClock.now
    state.withLock { $0.progress.isMeasuring = true }
    tally.beginMeasuring(now: begin)
    try? await Task.sleep(for: plan.duration)
    let end = HostClock.now
    tally.endMeasuring()
    return report(from: begin, to: end, lag: loop.takeLag())
  }

  private func joinAll(_ loop: PlayerLoop) async {
    let begin = ContinuousClock.now
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<plan.listeners {
        if number >= Self.mostPending { await group.next() }
        let due = begin + .seconds(Double(number) / plan.joinRate)
        try? await Task.sleep(until: due, clock: .continuous)
        group.addTask { await self.join(number, loop) }
      }
    }
  }

  private func join(_ number: Int, _ loop: PlayerLoop) async {
    state.withLock { $0.progress.asked += 1 }
    let client = WHEPClient()
    do {
      let seat = try loop.makeSeat(binding: plan.binding(of: number))
      let askedAt = HostClock.now
      for attempt in 1... {
        do throws(WHEPClientError) {
          let joined = try await client.join(
            plan.address, offer: seat.offer, from: plan.source(of: number))
          let listener = BenchListener(tally, askedAt: askedAt)
          loop.begin(seat, try answer(joined.answer, plan.address), sink: listener)
          state.withLock { $0.listeners.append(listener) }
          return
        } catch {
          guard case .later(_, let seconds, _) = error, attempt < Self.mostTries else {
            throw error
          }
          try? await Task.sleep(for: .seconds(seconds))
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

  /// Waits until everybody who was let in hears or has given up.
  private func settle() async {
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
      let listeners = state.withLock { $0.listeners }
      let isDone = listeners.allSatisfy { listener in
        let counts = listener.current
        return counts.hasStarted || counts.end != nil
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
      let silence = end - (listener.lastArrival ?? begin)
      if silence > listener.longestGap { tally.record(gap: silence) }
    }
    var report = BenchReport(
      joining: tally.joinSpread, seconds: (end - begin).inSeconds, gaps: tally.gapSpread,
      load: lag.load, longestRound: lag.longestRound.inMilliseconds,
      longestOversleep: lag.longestOversleep.inMilliseconds)
    report.asked = plan.listeners
    report.joined = counts.count { $0.hasStarted }
    report.failures = failures
    for listener in counts {
      guard listener.hasStarted, listener.end == nil else {
        let reason = listener.end.map { "The listener's session ended: \($0)." }
        report.failures[reason ?? "No handshake was made in time.", default: 0] += 1
        continue
      }
      report.stayed += 1
      report.expected += listener.reception.expected
      report.received += listener.reception.received
      report.late += listener.reception.late
      report.duplicates += listener.reception.duplicates
    }
    let shares = counts.filter { $0.hasStarted && $0.end == nil }.map { $0.reception.received }
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
