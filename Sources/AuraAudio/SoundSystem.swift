/// A sound server that can be captured from and played to.
package enum SoundBackend: String, CaseIterable, Sendable {
  case pipewire, pulse

  /// The name people know it by.
  package var displayName: String {
    switch self {
    case .pipewire: "PipeWire"
    case .pulse: "PulseAudio"
    }
  }
}

/// What sound a capture takes from a sound server.
package enum CaptureTarget: Equatable, Sendable {
  /// The monitor of the default output, followed when the default changes.
  case defaultOutputMonitor
  /// One output (its monitor is taken) or one input, by the name that `devices` lists.
  case device(name: String)
  /// What one program plays, by the name that `devices` lists; it may come and go.
  case program(name: String)
}

/// Something that can be captured or played to, as `auralync devices` lists it.
package struct SoundDevice: Equatable, Sendable {
  package enum Kind: String, Sendable { case output, input }

  /// The name to give to `--source device:NAME` or `--output NAME`; unique per kind.
  package var name: String
  /// What a person would call it.
  package var description: String
  package var kind: Kind
  /// Whether the sound server uses it when nobody says otherwise.
  package var isDefault: Bool

  package init(name: String, description: String, kind: Kind, isDefault: Bool) {
    self.name = name
    self.description = description
    self.kind = kind
    self.isDefault = isDefault
  }
}

/// What a running capture or playback tells the control side. Never called on the audio thread.
package enum StreamEvent: Equatable, Sendable {
  /// Sound flows; the device it flows from or to. Comes again when that device changes.
  case running(device: String)
  /// The device is gone or not there yet; the stream waits for one.
  case waiting(reason: String)
  /// The stream has ended for good (the sound server went away). Nothing follows; make a new one.
  case ended(reason: String)
}

/// Why a sound server could not be used. The text says what to do.
package struct SoundError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Kind: Sendable {
    /// No server is running: nothing answers.
    case noServer
    /// A server is there but will not have us; the text says why.
    case refused
    /// The server runs but has no such device.
    case noDevice
    /// The server answered with something else.
    case failed
  }

  package var kind: Kind
  /// One sentence for a person: what is wrong and what to do.
  package var description: String

  package init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}

/// A capture or playback that is running until it is stopped or ends by itself.
package protocol SoundStream: AnyObject, Sendable {
  /// Ends it and waits until its callback can no longer be called. Idempotent.
  func stop()
}
