internal import AuraHost
internal import AuraStream

/// A thread that wakes up at the packets' pace and does nothing: whatever its beats are off by, the computer
/// was late, and no server or listener.
final class Metronome: Sendable {
  private let isOver = WakeUp()
  private let thread: HostThread

  /// Starts the thread; beats are recorded while the tally measures.
  init(interval: Duration, _ tally: BenchTally) {
    let isOver = isOver
    thread = HostThread(name: "aura-metronome") {
      var due = HostClock.now
      var last: HostTime?
      while true {
        due = due + interval
        if isOver.wait(timeout: due - HostClock.now) { return }
        let now = HostClock.now
        if let last, let since = tally.measuredSince(at: now), last >= since {
          tally.record(baseline: now - last)
        }
        last = now
      }
    }
  }

  /// Ends the thread. Call once.
  func stop() {
    isOver.signal()
    thread.join()
  }
}
