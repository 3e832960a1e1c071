package import AuraAudio

/// The sound systems under one roof: what differs between them ends here.
package enum Sound {
  /// What a sound server can capture from and play to.
  ///
  /// - Throws: `SoundError` when there is no such server or it refuses us.
  package static func devices(of backend: SoundBackend) throws(SoundError) -> [SoundDevice] {
    switch backend {
    case .pipewire: try PipeWireDevices.list()
    case .pulse: try PulseDevices.list()
    }
  }

  /// The programs that play at present, by the name that their sound alone can be had by.
  ///
  /// - Throws: `SoundError` when there is no such server or it refuses us.
  package static func programs(of backend: SoundBackend) throws(SoundError) -> [String] {
    switch backend {
    case .pipewire: try PipeWireDevices.programs()
    case .pulse: try PulseDevices.programs()
    }
  }

  /// Starts to capture; the stream's documentation says what is thrown and told.
  static func capture(
    _ target: CaptureTarget, from backend: SoundBackend, into tap: CaptureTap,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) -> any SoundStream {
    switch backend {
    case .pipewire:
      try PipeWireCapture(target: target, clientName: "AuraLync", tap: tap, onEvent: onEvent)
    case .pulse:
      try PulseCapture(target: target, clientName: "AuraLync", tap: tap, onEvent: onEvent)
    }
  }

  /// Makes an output device of ours appear; the stream's documentation says what is thrown and told.
  static func output(
    _ device: OutputDevice, of backend: SoundBackend, into tap: CaptureTap,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) -> any SoundStream {
    switch backend {
    case .pipewire:
      try PipeWireOutput(device: device, clientName: "AuraLync", tap: tap, onEvent: onEvent)
    case .pulse:
      try PulseOutput(device: device, clientName: "AuraLync", tap: tap, onEvent: onEvent)
    }
  }

  /// Puts back what killed processes of ours have left in sound servers: their default outputs, and
  /// output devices that nobody reads any more. Nothing is asked where nothing was left.
  package static func repair() {
    PipeWireOutput.repair()
    PulseOutput.repair()
  }

  /// Starts to play; the stream's documentation says what is thrown and told.
  static func playback(
    to deviceName: String?, of backend: SoundBackend, from tap: PlaybackTap,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) -> any SoundStream {
    switch backend {
    case .pipewire:
      try PipeWirePlayback(
        deviceName: deviceName, clientName: "AuraLync", tap: tap, onEvent: onEvent)
    case .pulse:
      try PulsePlayback(deviceName: deviceName, clientName: "AuraLync", tap: tap, onEvent: onEvent)
    }
  }
}
