internal import AuraHost
internal import AuraStream
internal import AuraTransport
internal import Synchronization

/// One listener of a load test: counts what it hears.
final class BenchListener: PlayerSink {
  struct Counts: Sendable {
    var hasStarted = false
    var end: PlayerEnd?
    /// What came while it was measured.
    var reception = ReceptionRecord()
    var longestGap = Duration.zero
    var lastArrival: HostTime?
  }

  private let tally: BenchTally
  private let askedAt: HostTime
  /// Only the players' thread and, at the end, the reporter: nobody waits for long.
  private let counts = Mutex(Counts())

  init(_ tally: BenchTally, askedAt: HostTime) {
    self.tally = tally
    self.askedAt = askedAt
  }

  var current: Counts { counts.withLock { $0 } }

  func playerStarted(now: HostTime) {
    tally.record(join: now - askedAt)
    counts.withLock { $0.hasStarted = true }
  }

  func playerHeard(_ header: RTPHeader, _ payload: UnsafeRawBufferPointer, now: HostTime) {
    guard let since = tally.measuredSince else { return }
    let gap = counts.withLock { counts -> Duration? in
      _ = counts.reception.note(
        sequenceNumber: header.sequenceNumber, timestamp: header.timestamp, now: now)
      defer { counts.lastArrival = now }
      guard let last = counts.lastArrival, last >= since else { return nil }
      counts.longestGap = max(counts.longestGap, now - last)
      return now - last
    }
    if let gap { tally.record(gap: gap) }
  }

  func playerReported(_ facts: PlayerFacts, now: HostTime) {}

  func playerDoubts(_ liveness: SenderSignal.Liveness, now: HostTime) {}

  func playerEnded(_ end: PlayerEnd, now: HostTime) { counts.withLock { $0.end = end } }
}
