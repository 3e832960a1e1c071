internal import AuraAudio
internal import AuraHost
internal import AuraStream
internal import AuraTransport
internal import Synchronization

/// The network thread of a listener over WebRTC, as others see it.
final class WebRTCSession: NetworkSession {
  let options: Listener.Options
  let target: Listener.WHEPTarget
  let tap: PlaybackTap
  let onEvent: @Sendable (Listener.Event) -> Void
  /// Given for everything the thread waits for.
  let wakeUp = WakeUp()
  private let finished = WakeUp()
  private let cancelled = Atomic<Bool>(false)
  private let shared = Mutex(Listener.Statistics())
  private let lateness = Mutex((rule: LatenessRule(), late: Duration.zero))

  init(
    _ options: Listener.Options, target: Listener.WHEPTarget, tap: PlaybackTap,
    onEvent: @escaping @Sendable (Listener.Event) -> Void
  ) {
    self.options = options
    self.target = target
    self.tap = tap
    self.onEvent = onEvent
  }

  var statistics: Listener.Statistics { shared.withLock { $0 } }

  func stop(within time: Duration) -> Bool {
    cancelled.store(true, ordering: .releasing)
    wakeUp.signal()
    return finished.wait(timeout: time)
  }

  /// Whether `stop` was called.
  var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

  func publish(_ change: (inout Listener.Statistics) -> Void) { shared.withLock { change(&$0) } }

  /// By how much we hear later than everyone, as the server last said. Any thread.
  var late: Duration { lateness.withLock { $0.late } }

  /// The server has answered a report. Any thread.
  ///
  /// - Parameter late: by how much we hear later than everyone; zero in live mode.
  func take(late: Duration) {
    let news = lateness.withLock { lateness in
      lateness.late = late
      return lateness.rule.note(late) ? Optional(lateness.rule.told) : nil
    }
    if let news { onEvent(.late(news)) }
  }

  func run() {
    defer { finished.signal() }
    var configuration = PlayerLoop.Configuration()
    configuration.realTimePriority = 15
    configuration.wantsLinear = options.wantsLinear
    do throws(TransportError) {
      let loop = try PlayerLoop(configuration)
      WebRTCRun(self, loop: loop).run()
      loop.stop()
    } catch {
      onEvent(.failed(reason: error.description))
    }
  }
}
