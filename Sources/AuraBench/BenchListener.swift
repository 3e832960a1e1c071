internal import AuraHost
internal import AuraStream
internal import AuraTransport
internal import Synchronization

/// One listener of a load test: counts what it hears.
final class BenchListener: PlayerSink, OriginalSink {
  struct Counts: Sendable {
    /// When its handshake was made.
    var joinedAt: HostTime?
    /// Why it hears no more, as a sentence.
    var end: String?
    /// What came while it was measured: over WHEP, and by the original protocol.
    var reception = ReceptionRecord()
    var pace = PacketPace()
    var chunks = 0
    /// What came since it joined.
    var arrivals = 0
    var firstArrival: HostTime?
    var longestGap = Duration.zero
    var lastArrival: HostTime?
    /// The last arrival that was measured.
    var lastMeasured: HostTime?

    var hasStarted: Bool { joinedAt != nil }

    /// The mean time from one packet to the next; nil until that can be told.
    var interval: Duration? {
      guard arrivals > 10, let firstArrival, let lastArrival else { return nil }
      return (lastArrival - firstArrival) / (arrivals - 1)
    }
  }

  private let tally: BenchTally
  let askedAt: HostTime
  /// Only the players' thread and, at the end, the reporter: nobody waits for long.
  private let counts = Mutex(Counts())

  init(_ tally: BenchTally, askedAt: HostTime) {
    self.tally = tally
    self.askedAt = askedAt
  }

  var current: Counts { counts.withLock { $0 } }

  func playerStarted(now: HostTime) { start(now: now) }

  func originalStarted(now: HostTime) { start(now: now) }

  private func start(now: HostTime) {
    tally.record(join: now - askedAt)
    counts.withLock { $0.joinedAt = now }
  }

  func playerHeard(_ header: RTPHeader, _ payload: UnsafeRawBufferPointer, now: HostTime) {
    hear(now: now) { counts, isMeasured in
      let number = header.sequenceNumber
      counts.pace.note(
        number: number, timestamp: header.timestamp, now: now, isCounted: isMeasured)
      guard isMeasured else { return }
      _ = counts.reception.note(
        sequenceNumber: number, timestamp: header.timestamp, now: now)
    }
  }

  func originalHeard(now: HostTime) { hear(now: now) { if $1 { $0.chunks += 1 } } }

  /// Something has come; `count` is told whether it is measured.
  private func hear(now: HostTime, count: (inout Counts, Bool) -> Void) {
    let since = tally.measuredSince(at: now)
    let gap = counts.withLock { counts -> Duration? in
      defer { counts.lastArrival = now }
      counts.arrivals += 1
      counts.firstArrival = counts.firstArrival ?? now
      count(&counts, since != nil)
      guard let since else { return nil }
      counts.lastMeasured = now
      guard let last = counts.lastArrival, last >= since else { return nil }
      counts.longestGap = max(counts.longestGap, now - last)
      return now - last
    }
    if let gap { tally.record(gap: gap) }
  }

  func playerReported(_ facts: PlayerFacts, now: HostTime) {}

  func playerDoubts(_ liveness: SenderSignal.Liveness, now: HostTime) {}

  func playerEnded(_ end: PlayerEnd, now: HostTime) {
    counts.withLock { $0.end = "The listener's session ended: \(end)." }
  }

  func originalEnded(_ reason: String, now: HostTime) { counts.withLock { $0.end = reason } }
}
