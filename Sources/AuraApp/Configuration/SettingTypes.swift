internal import AuraAudio
internal import AuraHost
internal import AuraStream

/// Where `serve` takes its sound from.
enum SourceSetting: Equatable, Sendable {
  /// What the computer plays: the default output's monitor.
  case system
  /// An output or input by the name that `auralync devices` lists.
  case device(String)
  /// An output device of ours that players choose.
  case output
  /// One program, by the name that `auralync devices` lists.
  case program(String)
  /// A sound file.
  case file(String)
  /// Raw samples from standard input, as `stdin-format` says.
  case stdin
  /// A sine, for trying things out.
  case tone(hertz: Double)

  /// The pitch of a plain `tone`.
  static let defaultHertz = 440.0

  /// What a tone's pitch may be.
  static let hertzRange = 20.0...20_000.0

  init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let rest = parts.count > 1 ? String(parts[1]) : nil
    switch (parts[0], rest) {
    case ("system", nil): self = .system
    case ("stdin", nil): self = .stdin
    case ("tone", nil): self = .tone(hertz: Self.defaultHertz)
    case ("tone", let pitch?):
      guard let hertz = Double(pitch), Self.hertzRange.contains(hertz) else { return nil }
      self = .tone(hertz: hertz)
    case ("output", nil): self = .output
    case ("app", let name?) where !name.isEmpty: self = .program(name)
    case ("device", let name?) where !name.isEmpty: self = .device(name)
    case ("file", let path?) where !path.isEmpty: self = .file(path)
    default: return nil
    }
  }

  /// Where the sound comes from, for people, such as "what this computer plays (PipeWire)"; `system`
  /// is the sound server's name, where one is used.
  func words(_ system: String?) -> String {
    let system = system.map { " (\($0))" } ?? ""
    return switch self {
    case .system: "what this computer plays\(system)"
    case .device(let name): "the sound of \(name)\(system)"
    case .output: "what plays to the device \(OutputDevice.name)\(system)"
    case .program(let name): "what \(name) plays\(system)"
    case .file(let path): "the file \(path.split(separator: "/").last ?? "")"
    case .stdin: "the sound on standard input"
    case .tone: "a \(text.split(separator: ":").last ?? "") Hz tone"
    }
  }

  /// As it is written in a setting.
  var text: String {
    switch self {
    case .system: "system"
    case .device(let name): "device:\(name)"
    case .output: "output"
    case .program(let name): "app:\(name)"
    case .file(let path): "file:\(path)"
    case .stdin: "stdin"
    case .tone(let hertz):
      "tone:" + (hertz == hertz.rounded() ? String(Int(hertz)) : String(hertz))
    }
  }
}

/// How long sound takes from its capture to the ear.
enum DelaySetting: Equatable, Sendable {
  /// Nothing was said.
  case usual
  case said(Duration)
  /// As much as is needed, up to a cap where one was said.
  case auto(cap: Duration?)

  /// What `listen` takes; `serve` takes less.
  static let milliseconds = 1...5_000

  init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    func duration(_ text: Substring) -> Duration? {
      Int(text).flatMap { Self.milliseconds.contains($0) ? .milliseconds($0) : nil }
    }
    if parts[0] == "auto" {
      guard parts.count > 1 else {
        self = .auto(cap: nil)
        return
      }
      guard let cap = duration(parts[1]), PresentationPlan.delays.contains(cap) else { return nil }
      self = .auto(cap: cap)
    } else {
      guard let delay = duration(text[...]) else { return nil }
      self = .said(delay)
    }
  }

  /// As it is written in a setting.
  var value: JSONValue {
    switch self {
    case .usual: .string("")
    case .said(let delay): .int(delay.wholeMilliseconds)
    case .auto(nil): .string("auto")
    case .auto(let cap?): .string("auto:\(cap.wholeMilliseconds)")
    }
  }
}

/// Three settings at once, as the original program named them.
enum Preset: String, CaseIterable, Sendable {
  case smooth
  case lowLatency = "low-latency"
  case stable

  /// What it sets, as text like anything else that is given.
  var values: [(name: SettingName, value: String)] {
    switch self {
    case .smooth: [(.chunkSize, "1024"), (.queueSize, "50"), (.maxClients, "50")]
    case .lowLatency: [(.chunkSize, "512"), (.queueSize, "20"), (.maxClients, "30")]
    case .stable: [(.chunkSize, "2048"), (.queueSize, "100"), (.maxClients, "100")]
    }
  }
}

extension Settings {
  /// How the sound is encoded for browsers.
  var opusProfile: OpusProfile {
    let profile: OpusProfile =
      switch preset {
      case .smooth: .smooth
      case .lowLatency: .lowLatency
      case .stable: .stable
      }
    return profile.withBitrate(bitrate * 1000)
  }

  /// When everyone hears in film mode.
  var delayChoice: DelayChoice {
    switch delay {
    case .usual: .said(PresentationPlan.usualDelay)
    case .said(let delay): .said(delay)
    case .auto(let cap): .automatic(cap: cap ?? DelayChoice.usualCap)
    }
  }

  /// How the broadcast begins.
  ///
  /// - Parameter holdsPicture: whether what plays plays for the listeners alone, and can wait with its
  ///   picture.
  /// - Returns: what was said, or what is usual.
  func broadcastMode(holdsPicture: Bool) -> BroadcastMode { mode ?? (holdsPicture ? .film : .live) }

  /// What the broadcast is called.
  var broadcastName: String { name ?? hostName ?? "AuraLync" }
}

/// Which protocol `listen` speaks.
enum ProtocolChoice: String, CaseIterable, Sendable {
  /// The best one the server has.
  case auto
  /// WebRTC, joined over WHEP.
  case whep
  /// The original AuraLync protocol over TCP.
  case original
}

/// What `listen` asks a WebRTC server for.
enum CodecChoice: String, CaseIterable, Sendable {
  case opus
  /// Uncompressed: L24, or L16 where that is all there is.
  case pcm
}

/// How what happens is written to standard output.
enum LogFormat: String, CaseIterable, Sendable {
  /// Sentences for people.
  case text
  /// One JSON object a line.
  case json
}
