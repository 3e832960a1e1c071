package import AuraAudio
internal import AuraHost
internal import AuraStream
package import AuraTransport
internal import Synchronization

/// One source that many listeners hear: capture, media thread, transports.
package final class Broadcast: Sendable {
  /// Something the person at the host wants to know; told on several threads.
  package enum Event: Sendable {
    case capture(StreamEvent)
    case client(OriginalServer.Event)
  }

  /// The numbers of one moment.
  package struct Statistics: Sendable {
    /// How much media time has passed.
    package var media: Duration
    /// Sound that was never captured.
    package var missing: Duration
    /// Sound captured but thrown away because it was old.
    package var discarded: Duration
    /// The level, in decibels relative to full scale.
    package var decibels: Double
    /// The original protocol's numbers.
    package var server: OriginalServer.Statistics
  }

  private let tap: CaptureTap
  private let server: OriginalServer
  private let loop: MediaLoop
  private let mediaThread: HostThread
  private let source: RunningSource
  private let isStopped = Mutex(false)

  /// Opens the port, starts the source and goes on the air.
  ///
  /// - Parameters:
  ///   - source: where the sound comes from.
  ///   - configuration: the original protocol's server.
  ///   - onEvent: told of what happens; must not call `stop`.
  /// - Throws: `TransportError`, `SoundError` or `CodecError`: one sentence for a person each.
  package init(
    source: BroadcastSource, server configuration: OriginalServer.Configuration,
    onEvent: @escaping @Sendable (Event) -> Void
  ) throws {
    tap = CaptureTap()
    server = try OriginalServer(configuration) { onEvent(.client($0)) }
    do {
      loop = try MediaLoop(tap: tap, format: configuration.format, server: server)
      self.source = try RunningSource.start(source, into: tap) { onEvent(.capture($0)) }
    } catch {
      server.stop()
      throw error
    }
    mediaThread = HostThread(name: "aura-media", realTimePriority: 20) { [loop] in loop.run() }
  }

  /// The port that clients of the original protocol connect to.
  package var port: Int { server.port }

  /// How things stand.
  package var statistics: Statistics {
    let numbers = loop.numbers
    return Statistics(
      media: .frames(Int(numbers.mediaFrames.load(ordering: .relaxed))),
      missing: .frames(numbers.missingFrames.load(ordering: .relaxed)),
      discarded: .frames(
        numbers.discardedFrames.load(ordering: .relaxed) + tap.overflowedFrames),
      decibels: Double(bitPattern: numbers.levelBits.load(ordering: .relaxed)),
      server: server.statistics)
  }

  /// Goes off the air and waits for every thread. Idempotent.
  ///
  /// - Parameter draining: how long listeners may take to receive what has been captured.
  package func stop(draining: Duration = .zero) {
    let isFirst = isStopped.withLock { stopped in
      defer { stopped = true }
      return !stopped
    }
    guard isFirst else { return }
    source.stop()
    loop.stop()
    mediaThread.join()
    server.stop(draining: draining)
  }
}
