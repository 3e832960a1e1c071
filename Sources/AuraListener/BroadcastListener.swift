internal import AuraAudio
internal import AuraPipelines
internal import AuraStream
internal import AuraWeb

/// Listens to a broadcast of AuraLync, or of any WHEP server, over WebRTC.
///
/// It joins, plays, repairs what is lost, keeps its delay, and joins again when the server or the network
/// was away, until `leave`. The sound goes to an output of this computer, or is taken with `read`.
///
///     let listener = try BroadcastListener("http://192.0.2.2:8080", to: .reader)
///     listener.read(into: &samples)  // as often as the sound is needed
///     print(listener.statistics)
///     listener.leave()
public final class BroadcastListener: Sendable {
  /// Where the sound goes.
  public enum Output: Equatable, Sendable {
    /// An output of this computer by the name that `auralync devices` lists; nil is the default one, followed
    /// when it changes. Linux: PipeWire or PulseAudio.
    case device(String?)
    /// Whoever calls `read`.
    case reader
  }

  /// Why nobody can listen: a sentence for a person.
  public struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong, and what to do.
    public let description: String
  }

  /// Something that happened.
  public enum Event: Equatable, Sendable {
    /// Sound will come, from this endpoint.
    case connected(String)
    /// The connection is gone, or was not to be had; another attempt follows by itself.
    case disconnected(reason: String)
    /// There is no sense in trying again. Nothing follows but `leave`.
    case failed(reason: String)
  }

  private let listener: Listener

  /// Joins, in the background.
  ///
  /// - Parameters:
  ///   - address: `http://HOST:PORT` of an AuraLync server, or the URL of a WHEP endpoint.
  ///   - output: where the sound goes.
  ///   - delay: from a sound's capture to the ear, 1 ms to 5 s, the same everywhere it is said; nil is as
  ///     little as the network allows.
  ///   - onEvent: told of what happens, on threads of the listener's; it must not call `leave`.
  /// - Throws: `Failure` where the address is none, or there is no such output.
  public init(
    _ address: String, to output: Output = .device(nil), delay: Duration? = nil,
    onEvent: @escaping @Sendable (Event) -> Void = { _ in }
  ) throws(Failure) {
    guard let url = WHEPAddress(address) else {
      throw Failure(description: "\(address) is no address of plain HTTP.")
    }
    if let delay, !(.milliseconds(1) ... .seconds(5)).contains(delay) {
      throw Failure(description: "A delay is 1 ms to 5 s.")
    }
    var options = Listener.Options(
      host: url.host, port: url.port, backend: try Self.backend(for: output),
      outputName: output.device, buffer: nil)
    options.way = .webRTC(
      url.path == "/" ? .server(host: url.host, port: url.port) : .endpoint(url))
    options.isPulled = output == .reader
    if let delay { options.delay = .fixed(delay) }
    do throws(SoundError) {
      listener = try Listener(options) { if let event = Event($0) { onEvent(event) } }
    } catch {
      throw Failure(description: error.description)
    }
  }

  private static func backend(for output: Output) throws(Failure) -> SoundBackend {
    // Never opened where the sound is read.
    if output == .reader { return .pipewire }
    switch SoundServerPresence.look().choose(nil) {
    case .use(let backend): return backend
    case .absent: throw Failure(description: "No sound server is running here.")
    case .refused(let reason): throw Failure(description: reason)
    }
  }

  /// Takes the sound that is to be heard next, where the output is `reader`: from one thread, at the pace of
  /// the clock it is played by. Real-time safe: never waits, locks or allocates.
  ///
  /// - Parameters:
  ///   - samples: interleaved stereo at 48 kHz, -1 to 1; filled to its end, with silence where there is
  ///     no sound.
  ///   - delay: from now until the first of them is heard; `delay` at `init` counts to there.
  public func read(into samples: inout MutableSpan<Float>, delay: Duration = .zero) {
    listener.render(into: &samples, delay: delay)
  }

  /// How things stand.
  public var statistics: Statistics { Statistics(listener.statistics) }

  /// Leaves the broadcast and closes the output. Idempotent; waits a second at most.
  public func leave() { listener.stop() }
}

extension BroadcastListener.Output {
  fileprivate var device: String? { if case .device(let name) = self { name } else { nil } }
}

extension BroadcastListener.Event {
  fileprivate init?(_ event: Listener.Event) {
    switch event {
    case .connected(let address, _, _): self = .connected(address)
    case .disconnected(let reason, _): self = .disconnected(reason: reason)
    case .failed(let reason): self = .failed(reason: reason)
    case .connecting, .output, .recordingFailed: return nil
    }
  }
}
