package import AuraAudio
package import AuraStream

/// Where a broadcast's sound comes from.
package enum BroadcastSource: Sendable {
  /// A sound server's output or input, or a program of it.
  case sound(CaptureTarget, SoundBackend)
  /// An output device of ours, which is there as long as the broadcast.
  case output(OutputDevice, SoundBackend)
  /// A sound file, played once.
  case file(path: String)
  /// Raw sound on the standard input.
  case stdin(PCMFormat)
  /// A steady tone.
  case tone(hertz: Double)

  /// How its blocks are judged.
  var timeline: CaptureTimeline {
    // What PulseAudio writes into the device's pipe late leaves it in time.
    if case .output(_, .pulse) = self { return CaptureTimeline(hasBacklogs: false) }
    return CaptureTimeline()
  }
}

/// A source that is running, whatever its kind.
enum RunningSource: Sendable {
  case supervised(StreamSupervisor)
  case paced(any SoundStream)

  /// Starts a source.
  ///
  /// - Parameters:
  ///   - source: what to capture or play.
  ///   - tap: where the sound goes.
  ///   - onEvent: told of what becomes of it, on any thread.
  /// - Returns: the source, running until it is stopped.
  /// - Throws: `SoundError` or `CodecError`, a sentence each, when it cannot begin.
  static func start(
    _ source: BroadcastSource, into tap: CaptureTap,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws -> RunningSource {
    switch source {
    case .sound(let target, let backend):
      return try supervised(onEvent) { (handler) throws(SoundError) in
        try Sound.capture(target, from: backend, into: tap, onEvent: handler)
      }
    case .output(let device, let backend):
      return try supervised(onEvent) { (handler) throws(SoundError) in
        try Sound.output(device, of: backend, into: tap, onEvent: handler)
      }
    case .file(let path):
      let file = try FileSource(path: path, tap: tap, onEvent: onEvent)
      file.start()
      return .paced(file)
    case .stdin(let format):
      let stdin = try StdinSource(format: format, tap: tap, onEvent: onEvent)
      stdin.start()
      return .paced(stdin)
    case .tone(let hertz):
      let tone = ToneSource(hertz: hertz, tap: tap, onEvent: onEvent)
      tone.start()
      return .paced(tone)
    }
  }

  private static func supervised(
    _ onEvent: @escaping @Sendable (StreamEvent) -> Void, make: @escaping StreamSupervisor.Make
  ) throws(SoundError) -> RunningSource {
    .supervised(try StreamSupervisor(name: "aura-capture", make: make, onEvent: onEvent))
  }

  func stop() {
    switch self {
    case .supervised(let supervisor): supervisor.stop()
    case .paced(let stream): stream.stop()
    }
  }
}
