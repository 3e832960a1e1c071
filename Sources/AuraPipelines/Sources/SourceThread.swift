internal import AuraAudio
internal import AuraHost
internal import AuraStream
internal import Synchronization

/// The thread of a source that makes its own sound, or of an output that keeps its own time, and how
/// it ends.
final class SourceThread: Sendable {
  private struct State {
    var hasStarted = false
    var thread: HostThread?
  }

  /// Ends a wait early; given by `stop`.
  let wakeUp = WakeUp()
  private let isStopping = Atomic<Bool>(false)
  private let state = Mutex(State())

  /// Starts `body`, once; not after `stop`.
  func start(name: String, _ body: @escaping @Sendable () -> Void) {
    state.withLock { state in
      guard !state.hasStarted, !mustStop else { return }
      state.hasStarted = true
      state.thread = HostThread(name: name, realTimePriority: 10, body)
    }
  }

  /// Whether the body is to return.
  var mustStop: Bool { isStopping.load(ordering: .acquiring) }

  /// The body's wait for an instant.
  ///
  /// - Returns: false when it is to return instead.
  func wait(until instant: HostTime) -> Bool {
    while !mustStop {
      let left = instant - HostClock.now
      if left <= .zero { return true }
      wakeUp.wait(timeout: left)
    }
    return false
  }

  /// Ends the body and waits until it has returned. Idempotent; not from the body itself.
  func stop() {
    isStopping.store(true, ordering: .releasing)
    wakeUp.signal()
    // Joined under the lock, so that a second caller waits as well.
    state.withLock { state in
      state.thread?.join()
      state.thread = nil
    }
  }
}

extension CaptureTap {
  /// Hands over a block of interleaved stereo.
  func deliver(_ samples: Span<Float>, capturedAt: HostTime) {
    unsafe samples.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      unsafe deliver(base, frames: buffer.count / 2, capturedAt: capturedAt)
    }
  }
}
