internal import AuraAudio
internal import AuraHost
internal import AuraStream
internal import AuraWeb
internal import Synchronization

/// Finds out how a server can be reached, the best way first, and stays with what is found.
final class SearchingSession: NetworkSession {
  /// How long a port is asked for WHEP.
  private static let patience = Duration.seconds(3)
  private static let connecting = Duration.milliseconds(1_500)
  private static let firstRetry = Duration.milliseconds(250)
  private static let longestRetry = Duration.seconds(5)

  private struct State {
    var isCancelled = false
    var found: (any NetworkSession)?
  }

  private let options: Listener.Options
  private let webPorts: [Int]
  private let tap: PlaybackTap
  private let onEvent: @Sendable (Listener.Event) -> Void
  private let cancel = WakeUp()
  private let finished = WakeUp()
  private let state = Mutex(State())

  init(
    _ options: Listener.Options, webPorts: [Int], tap: PlaybackTap,
    onEvent: @escaping @Sendable (Listener.Event) -> Void
  ) {
    self.options = options
    self.webPorts = webPorts
    self.tap = tap
    self.onEvent = onEvent
  }

  var statistics: Listener.Statistics {
    state.withLock { $0.found }?.statistics ?? Listener.Statistics()
  }

  func stop(within time: Duration) -> Bool {
    let found = state.withLock { state in
      state.isCancelled = true
      return state.found
    }
    cancel.signal()
    if let found { return found.stop(within: time) }
    return finished.wait(timeout: time)
  }

  func run() {
    defer { finished.signal() }
    var retry = Self.firstRetry
    while !isCancelled {
      onEvent(.connecting)
      if let port = webPorts.first(where: hasWHEP) {
        let target = Listener.WHEPTarget.server(address(port))
        let session = WebRTCSession(options, target: target, tap: tap, onEvent: onEvent)
        if adopt(session) { session.run() }
        return
      }
      let session = OriginalSession(options, tap: tap, onEvent: onEvent)
      guard adopt(session), let absence = session.run(isTrial: true), adopt(nil) else { return }
      if absence.isFinal {
        onEvent(.failed(reason: absence.reason))
        return
      }
      onEvent(.disconnected(reason: absence.reason, retryIn: retry))
      if cancel.wait(timeout: retry) { return }
      retry = min(retry * 2, Self.longestRetry)
    }
  }

  private func address(_ port: Int) -> WHEPAddress {
    WHEPAddress(host: options.host, port: port, path: "/")
  }

  private var isCancelled: Bool { state.withLock { $0.isCancelled } }

  /// - Returns: false after `stop`.
  private func adopt(_ session: (any NetworkSession)?) -> Bool {
    state.withLock { state in
      state.found = session
      return !state.isCancelled
    }
  }

  /// Whether a server of ours broadcasts at this port.
  private func hasWHEP(_ port: Int) -> Bool {
    final class Answer: Sendable {
      let hasEndpoint = Atomic<Bool>(false)
      let wakeUp = WakeUp()
    }
    guard !isCancelled else { return false }
    let answer = Answer()
    let server = address(port)
    Task.detached {
      let client = WHEPClient(connecting: Self.connecting)
      let endpoints = try? await client.endpoints(of: server)
      answer.hasEndpoint.store(endpoints?.isEmpty == false, ordering: .releasing)
      answer.wakeUp.signal()
    }
    answer.wakeUp.wait(timeout: Self.patience)
    return answer.hasEndpoint.load(ordering: .acquiring)
  }
}
