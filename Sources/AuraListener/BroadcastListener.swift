internal import AuraAudio
package import AuraPipelines
internal import AuraStream

/// Listens to a broadcast of AuraLync, or of any WHEP server.
///
/// It joins, plays, repairs what is lost, keeps its delay, and joins again when the server or the network
/// was away, until `leave`. The sound goes to an output of this computer, or is taken with `read`.
///
///     let listener = try BroadcastListener("http://192.0.2.2:8080", to: .reader)
///     listener.read(into: &samples)  // as often as the sound is needed
///     print(listener.statistics)
///     listener.leave()
///
/// `auralync listen` is a user of it, with `Options` for all that can be said.
public final class BroadcastListener: Sendable {
  /// Why nobody can listen: a sentence for a person.
  public struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong, and what to do.
    public let description: String
  }

  /// What has become of a recording.
  public struct Recorded: Equatable, Sendable {
    /// The file; nil when nothing came that could be recorded, and none was made.
    public var path: String?
    /// Sound in the file, what was missing included.
    public var duration = Duration.zero
    /// Of that: packets that never came in time.
    public var missing = Duration.zero
    /// Of that: what the disk was too slow for.
    public var dropped = Duration.zero
    /// Why it is not complete; nil when it is.
    public var failure: String?
  }

  private let listener: Listener
  private let headphoneOffset: HeadphoneOffset
  private let recorder: (Recorder, path: String)?

  /// Joins, in the background.
  ///
  /// - Parameters:
  ///   - server: whom to listen to.
  ///   - options: how.
  ///   - onEvent: told of what happens, on threads of the listener's; it must not call `leave`.
  /// - Throws: `Failure` where the address is none, something said makes no sense, there is no such output, or
  ///   the recording's file cannot be made.
  public init(
    _ server: Server, _ options: Options, onEvent: @escaping @Sendable (Event) -> Void = { _ in }
  ) throws(Failure) {
    try options.check()
    let recorder = try options.recording.map { recording throws(Failure) in
      (try Recorder(recording, onEvent), path: recording.path)
    }
    self.recorder = recorder
    do {
      let resolved = try options.resolved(for: server, recorder?.0)
      headphoneOffset = resolved.headphone
      listener = try Listener(resolved) { onEvent(Event($0)) }
    } catch {
      _ = recorder?.0.finish()
      throw Failure(description: "\(error)")
    }
  }

  /// Joins over WebRTC, in the background.
  ///
  /// - Parameters:
  ///   - address: `http://HOST:PORT` of an AuraLync server, or the URL of a WHEP endpoint.
  ///   - output: where the sound goes.
  ///   - delay: as in `Options`.
  ///   - onEvent: told of what happens, on threads of the listener's; it must not call `leave`.
  /// - Throws: `Failure` where the address is none, or there is no such output.
  public convenience init(
    _ address: String, to output: Output = .device(nil), delay: Duration? = nil,
    onEvent: @escaping @Sendable (Event) -> Void = { _ in }
  ) throws(Failure) {
    var options = Options()
    options.output = output
    options.delay = delay
    try self.init(.url(address), options, onEvent: onEvent)
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

  /// As in `Options`; may change at any time, with the output for instance.
  public var headphone: Duration {
    get { headphoneOffset.value }
    set { headphoneOffset.value = newValue }
  }

  /// How things stand.
  public var statistics: Statistics { Statistics(listener.statistics) }

  /// The same for this package's own program, which shows every number there is.
  package var details: Listener.Statistics { listener.statistics }

  /// Leaves the broadcast, closes the output, and ends the recording's file. Idempotent; waits a second at
  /// most for the network, and for the disk.
  ///
  /// - Returns: what has become of the recording; nil when there is none.
  @discardableResult public func leave() -> Recorded? {
    listener.stop()
    guard let (recorder, path) = recorder else { return nil }
    let isThere = recorder.finish()
    let facts = recorder.facts
    return Recorded(
      path: isThere ? path : nil, duration: facts.recorded, missing: facts.missing,
      dropped: facts.dropped, failure: recorder.failure?.description)
  }
}

extension Recorder {
  fileprivate convenience init(
    _ recording: BroadcastListener.Recording,
    _ onEvent: @escaping @Sendable (BroadcastListener.Event) -> Void
  ) throws(BroadcastListener.Failure) {
    guard let content = Content(path: recording.path) else {
      throw .init(description: "\(recording.path) is to end in .opus, .ogg or .wav.")
    }
    do throws(Recorder.Failure) {
      try self.init(to: recording.path, content, replacing: recording.replaces) {
        onEvent(.recordingFailed(reason: $0.description))
      }
    } catch {
      throw .init(description: "\(error).")
    }
  }
}
