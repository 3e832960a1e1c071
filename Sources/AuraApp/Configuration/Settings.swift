internal import AuraAudio
internal import AuraStream

/// What the program was told, after defaults, file, environment and options were laid over each
/// other. The initial values here are the defaults; `SettingKey.all` has everything else.
struct Settings: Sendable {
  var source = SourceSetting.system
  /// Whether our output device is the default while we run.
  var defaultOutput = false
  /// The host's own output that hears what everyone hears; nil: none.
  var alsoPlay: String?
  /// nil: film where the picture can wait, else live.
  var mode: BroadcastMode?
  var stdinFormat = PCMFormat(encoding: .s16le)
  /// nil: whichever sound server runs.
  var backend: SoundBackend?
  var preset = Preset.smooth
  /// Frames a second on the original protocol.
  var sampleRate = 44_100
  var channels = 2
  /// Frames in a message of the original protocol.
  var chunkSize = 1024
  /// 0: any free port (`serve` only).
  var port = 5555
  /// Chunks kept for a client that is behind.
  var queueSize = 50
  /// 0: no limit.
  var maxClients = 50
  var listenBacklog = 10
  /// The broadcast's name for people; nil: the computer's.
  var name: String?
  /// 0: any free port.
  var httpPort = 8080
  /// Of Opus, in kbit/s.
  var bitrate = OpusProfile.usualBitrate / 1000
  /// Listeners over WebRTC; 0: no limit.
  var maxListeners = 0
  /// Sites whose pages may listen; `*`: every site.
  var allowOrigin: [String] = []
  /// Names by which browsers may call us, besides the computer's own.
  var allowHost: [String] = []
  /// Numeric addresses; empty: every address of this computer.
  var bind: [String] = []
  /// What the page's address shown to people begins with; nil: the likeliest to be reached.
  var address: String?
  var isPublic = false
  /// Where an mpv takes orders; nil: nowhere.
  var mpvSocket: String?
  /// The name of an output that is none: sound is played to nothing, in real time.
  static let nullOutput = "null"
  /// nil: the default output.
  var output: String?
  /// Percent.
  var volume = 100
  /// -100 is the left side only, 100 the right side only.
  var balance = 0
  var isMono = false
  /// Where to record to; nil: nothing is recorded.
  var record: String?
  /// Whether a file that is there may be replaced by a recording.
  var overwrite = false
  /// What the headphone adds, in milliseconds; nil: what is remembered for the output.
  var offset: Int?
  /// nil: as much as the network needs.
  var buffer: Duration?
  /// From capture to ear; for `listen` that follows the network, within these bounds.
  var delay = DelaySetting.usual
  var minDelay = 0
  var maxDelay = 2000
  var protocolChoice = ProtocolChoice.auto
  /// What is asked for over WebRTC.
  var codec = CodecChoice.opus
  /// What lets us in where the server asks for it.
  var token: String?
  var logFormat = LogFormat.text
  /// nil: never.
  var statusEvery: Duration? = .seconds(60)
  /// Every number there is, as a table or as JSON.
  var stats = false

  /// The configuration file that was looked for; nil when there is no place for one.
  var configFile: ConfigFile?

  private var origins: [SettingName: Origin] = [:]

  /// Where the value of a setting came from.
  func origin(of name: SettingName) -> Origin { origins[name] ?? .builtIn }

  /// Notes where the value of a setting came from.
  mutating func setOrigin(_ origin: Origin, of name: SettingName) { origins[name] = origin }
}

/// A configuration file's path, and whether it was there.
struct ConfigFile: Equatable, Sendable {
  var path: String
  var wasRead: Bool
}

/// Where a setting's value came from.
indirect enum Origin: Equatable, Sendable, CustomStringConvertible {
  case builtIn
  case file(path: String, line: Int)
  case environment(variable: String)
  case option(String)
  case preset(Preset, from: Origin)

  var description: String {
    switch self {
    case .builtIn: "default"
    case .file(let path, let line): "\(path):\(line)"
    case .environment(let variable): variable
    case .option(let option): option
    case .preset(let preset, let origin): "preset \(preset.rawValue) from \(origin)"
    }
  }

  /// How an error about `name` begins: what to change.
  func label(for name: SettingName) -> String {
    switch self {
    case .file: "\(self): \(name.rawValue)"
    case .environment, .option: description
    case .builtIn, .preset: "\(name.rawValue) (\(self))"
    }
  }
}
