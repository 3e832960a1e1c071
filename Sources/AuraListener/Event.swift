internal import AuraAudio
internal import AuraPipelines
internal import AuraStream

extension BroadcastListener {
  /// What brings the sound.
  public enum Carrier: Equatable, Sendable {
    /// WebRTC, with Opus.
    case opus
    /// WebRTC, with samples as they are, of so many bits.
    case uncompressed(bits: Int)
    /// AuraLync's original protocol, in the format it announced.
    case original(sampleRate: Int, channels: Int, framesPerMessage: Int)
  }

  /// Something that happened.
  public enum Event: Equatable, Sendable {
    /// An attempt begins.
    case connecting
    /// Sound will come: from the URL of an endpoint, or from an address; `isLocal` when that is this computer.
    case connected(to: String, over: Carrier, isLocal: Bool)
    /// The connection is gone, or was not to be had; another attempt follows by itself.
    case disconnected(reason: String, retryIn: Duration)
    /// There is no sense in trying again. Nothing follows but `leave`.
    case failed(reason: String)
    /// The output of this name plays.
    case playing(to: String)
    /// There is no output at present, and it is played to as soon as there is: it is awaited, or is made anew
    /// where the whole sound server `isGone`.
    case outputLost(reason: String, isGone: Bool)
    /// In film mode: this listener needs a longer delay than the broadcast has, and hears so much later than
    /// everyone; nil: it hears with them again.
    case late(by: Duration?)
    /// Nothing more is recorded; listening goes on.
    case recordingFailed(reason: String)
  }
}

extension BroadcastListener.Event {
  init(_ event: Listener.Event) {
    self =
      switch event {
      case .connecting: .connecting
      case .connected(let address, let carrier, let isLocal):
        .connected(to: address, over: .init(carrier), isLocal: isLocal)
      case .disconnected(let reason, let wait): .disconnected(reason: reason, retryIn: wait)
      case .failed(let reason): .failed(reason: reason)
      case .output(.running(let device)): .playing(to: device)
      case .output(.waiting(let reason)): .outputLost(reason: reason, isGone: false)
      case .output(.ended(let reason)): .outputLost(reason: reason, isGone: true)
      case .late(let late): .late(by: late)
      case .recordingFailed(let reason): .recordingFailed(reason: reason)
      }
  }
}

extension BroadcastListener.Carrier {
  fileprivate init(_ carrier: Listener.Carrier) {
    self =
      switch carrier {
      case .original(let format):
        .original(
          sampleRate: format.sampleRate, channels: format.channels,
          framesPerMessage: format.chunkSize)
      case .webRTC(_, linear: nil): .opus
      case .webRTC(_, linear: let linear?): .uncompressed(bits: 8 * linear.bytesPerSample)
      }
  }
}
