package import AuraAudio
internal import AuraHost
internal import AuraStream
internal import Synchronization

/// Keeps a capture or a playback alive: makes it again after its sound server has gone.
///
/// One thread of its own makes and stops the streams; their events arrive on the sound system's
/// threads and are only handed over.
package final class StreamSupervisor: Sendable {
  /// Makes one stream, which reports to the given function until it has ended.
  package typealias Make =
    @Sendable (@escaping @Sendable (StreamEvent) -> Void) throws(SoundError) -> any SoundStream

  private static let firstRetry = Duration.milliseconds(250)
  private static let longestRetry = Duration.seconds(2)

  private let shared: Shared
  private let thread: HostThread

  private final class Shared: Sendable {
    let wakeUp = WakeUp()
    let isStopping = Atomic<Bool>(false)
    let state = Mutex(State())

    struct State {
      var generation = 0
      var endReason: String?
      /// Until the thread has it: whoever else holds it would keep it alive after its end.
      var first: (any SoundStream)?
    }
  }

  /// Makes the first stream and starts to watch it.
  ///
  /// - Parameters:
  ///   - name: the thread's name, at most 15 bytes.
  ///   - make: makes one stream; called here once, later on the supervisor's thread.
  ///   - onEvent: every stream's events, without repetition: an end is told once, then nothing
  ///     until a new stream runs or waits.
  /// - Throws: what `make` threw; there is no supervisor then.
  package init(
    name: String, make: @escaping Make, onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) {
    let shared = Shared()
    self.shared = shared
    let first = try make(Self.handler(of: 0, shared, onEvent))
    shared.state.withLock { $0.first = first }
    thread = HostThread(name: name) {
      Self.watch(shared, make: make, onEvent: onEvent)
    }
  }

  /// Ends the stream and the watching, and waits for both.
  package func stop() {
    shared.isStopping.store(true, ordering: .releasing)
    shared.wakeUp.signal()
    thread.join()
  }

  private static func handler(
    of generation: Int, _ shared: Shared, _ onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) -> @Sendable (StreamEvent) -> Void {
    { event in
      let isCurrent = shared.state.withLock { state in
        guard state.generation == generation, state.endReason == nil else { return false }
        if case .ended(let reason) = event { state.endReason = reason }
        return true
      }
      guard isCurrent else { return }
      onEvent(event)
      if case .ended = event { shared.wakeUp.signal() }
    }
  }

  private static func watch(
    _ shared: Shared, make: Make, onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) {
    var stream = shared.state.withLock { $0.first.take() }
    var retry = firstRetry
    while !shared.isStopping.load(ordering: .acquiring) {
      let hasEnded = shared.state.withLock { $0.endReason != nil }
      if hasEnded || stream == nil {
        stream?.stop()
        stream = nil
        let generation = shared.state.withLock { state in
          state.generation += 1
          state.endReason = nil
          return state.generation
        }
        stream = try? make(handler(of: generation, shared, onEvent))
        retry = stream == nil ? min(retry * 2, longestRetry) : firstRetry
      }
      // Nothing to watch is not an event: only then does time decide.
      shared.wakeUp.wait(timeout: stream == nil ? retry : nil)
    }
    stream?.stop()
  }
}
