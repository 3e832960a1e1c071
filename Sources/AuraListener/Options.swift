internal import AuraAudio
internal import AuraPipelines
internal import AuraStream

extension BroadcastListener {
  /// Where the sound goes.
  public enum Output: Equatable, Sendable {
    /// An output of this computer by the name that `auralync devices` lists; nil is the default one, followed
    /// when it changes. Linux: PipeWire or PulseAudio.
    case device(String?)
    /// To nothing, in real time.
    case nothing
    /// Whoever calls `read`.
    case reader
  }

  /// How the sound comes.
  public enum Codec: Equatable, Sendable {
    case opus
    /// 2.4 Mbit/s, lossless; Opus from a server that has none.
    case uncompressed
  }

  /// A file to record to.
  public struct Recording: Equatable, Sendable {
    /// `.opus` and `.ogg` take the packets as they come, `.wav` takes what is played.
    public var path: String
    /// Whether a file that is there may be replaced; that happens with the first sound.
    public var replaces: Bool

    /// - Parameters:
    ///   - path: as `path`.
    ///   - replaces: as `replaces`.
    public init(to path: String, replaces: Bool = false) {
      self.path = path
      self.replaces = replaces
    }
  }

  /// How to listen.
  public struct Options: Equatable, Sendable {
    /// Where the sound goes.
    public var output = Output.device(nil)
    /// The sound server that has the output; nil is the one that runs.
    public var soundServer: SoundServer?
    /// From a sound's capture to the ear, 1 ms to 5 s, the same everywhere it is said; nil is what the
    /// broadcast wants, or else as little as the network allows. Not over the original protocol.
    public var delay: Duration?
    /// How far a delay goes that follows the network, 0 to 5 s.
    public var delayBounds = Duration.zero ... .seconds(2)
    /// What the headphone adds to the delay that the sound system knows of; negative where that is too much.
    public var headphone = Duration.zero
    /// Sound kept in hand over the original protocol; nil follows the network.
    public var buffer: Duration?
    /// What lets us in where the server is given by its URL and asks for it: a bearer token (RFC 6750), visible ASCII.
    /// It goes to that host and port only.
    public var token: String?
    /// How the sound is to come, over WebRTC.
    public var codec = Codec.opus
    /// In percent, 0 to 200; above 100 a limiter looks 2 ms ahead.
    public var volume = 100
    /// -100, on the left only, to 100, on the right only.
    public var balance = 0
    /// Whether both sides play the mean of left and right.
    public var isMono = false
    /// A file to record to; nil records nothing.
    public var recording: Recording?

    /// The default output, everything else as usual.
    public init() {}
  }

  /// A sound system of Linux.
  public enum SoundServer: Equatable, Sendable {
    case pipewire, pulse
  }
}

extension BroadcastListener.Options {
  private typealias Failure = BroadcastListener.Failure
  private static let longest = Duration.seconds(5)

  /// - Throws: `Failure` for what is out of its range.
  func check() throws(BroadcastListener.Failure) {
    if let buffer, !(.zero...Self.longest).contains(buffer) {
      throw Failure(description: "A buffer is 0 to 5 s.")
    }
    if let token, token.isEmpty || !token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) {
      throw Failure(description: "A token is visible ASCII.")
    }
    if let delay, !(.milliseconds(1)...Self.longest).contains(delay) {
      throw Failure(description: "A delay is 1 ms to 5 s.")
    }
    guard delayBounds.lowerBound >= .zero, delayBounds.upperBound <= Self.longest else {
      throw Failure(description: "The bounds of a delay are 0 to 5 s.")
    }
    guard VolumeControl.percents.contains(volume) else {
      throw Failure(description: "A volume is 0 to 200 percent.")
    }
    guard MonoBalance.balances.contains(balance) else {
      throw Failure(description: "A balance is -100 to 100.")
    }
  }

  /// What the pipeline is told.
  func resolved(for server: BroadcastListener.Server, _ recorder: Recorder?)
    throws(BroadcastListener.Failure)
    -> Listener.Options
  {
    var options = try Listener.Options(
      server, backend: try backend, outputName: output.device, buffer: buffer, token: token)
    options.delay = delay.map { .fixed($0) } ?? .adaptive(delayBounds)
    options.wantsLinear = codec == .uncompressed
    options.volume = VolumeControl(
      percent: volume, balance: MonoBalance(balance: balance, isMono: isMono))
    options.recorder = recorder
    options.headphone = HeadphoneOffset(headphone)
    options.isPulled = output == .reader
    return options
  }

  /// Nil where no output is opened.
  private var backend: SoundBackend? {
    get throws(BroadcastListener.Failure) {
      guard case .device = output else { return nil }
      switch soundServer {
      case .pipewire: return .pipewire
      case .pulse: return .pulse
      case nil: break
      }
      switch SoundServerPresence.look().choose(nil) {
      case .use(let backend): return backend
      case .absent: throw Failure(description: "No sound server is running here.")
      case .refused(let reason): throw Failure(description: reason)
      }
    }
  }
}

extension BroadcastListener.Output {
  fileprivate var device: String? { if case .device(let name) = self { name } else { nil } }
}
