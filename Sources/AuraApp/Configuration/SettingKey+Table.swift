internal import AuraAudio
internal import AuraHost
internal import AuraPipelines
internal import AuraStream
internal import AuraWeb

extension SettingKey {
  /// Every setting. One line here and one in `Settings` make a file key, a variable and a check;
  /// one in `SettingsOptions.swift` makes the option.
  private static let usualMode = "film for output and for a command, else live"

  static let all: [SettingKey] = [
    .special(
      .source, for: [.serve], valueName: "source",
      allowed: "system, output, app:NAME, device:NAME, file:PATH, stdin or tone[:HZ] with HZ "
        + "20–20000",
      defaultText: "system",
      "The sound to serve: what this computer plays, what is played to a device of ours, one "
        + "program, one device, a file, standard input or a tone.",
      value: { .string($0.source.text) },
      assign: { put(SourceSetting.init, $0, into: \.source, of: &$1) }),
    .special(
      .defaultOutput, for: [.serve], valueName: "", allowed: "true or false",
      defaultText: "false",
      "With --source output: make that device the default while serve runs.",
      value: { .bool($0.defaultOutput) },
      assign: { put(truth, $0, into: \.defaultOutput, of: &$1) }),
    .special(
      .alsoPlay, for: [.serve], valueName: "name", allowed: "the name of one output",
      defaultText: "none", emptyText: "none",
      "An output of this computer that plays along, at the instant everyone else hears it.",
      value: { .string($0.alsoPlay ?? "") },
      assign: { assignOutput($0, into: \.alsoPlay, of: &$1) }),
    .special(
      .mode, for: [.serve], valueName: "mode", allowed: "film or live",
      defaultText: usualMode, emptyText: usualMode,
      "When sound is heard: film, everyone after the same delay; live, as soon as each can.",
      value: { .string($0.mode?.rawValue ?? "") },
      assign: { given, settings in
        guard let mode = given.single.flatMap(BroadcastMode.init) else { return false }
        settings.mode = mode
        return true
      }),
    .special(
      .stdinFormat, for: [.serve], valueName: "format",
      allowed: "s16le or f32le, then :RATE 8000–192000 and :CHANNELS 1–8 if you like",
      defaultText: Settings().stdinFormat.description, "What the samples on standard input are.",
      value: { .string($0.stdinFormat.description) },
      assign: { put(PCMFormat.init, $0, into: \.stdinFormat, of: &$1) }),
    .choice(
      .backend, \.backend, [("auto", nil)] + SoundBackend.allCases.map { ($0.rawValue, $0) },
      for: [.serve, .listen], valueName: "backend",
      "The sound server to use; auto takes the one that runs."),
    .choice(
      .preset, \.preset, for: [.serve], valueName: "preset",
      "Sets chunk-size, queue-size and max-clients together: 1024/50/50, 512/20/30 or "
        + "2048/100/100."),
    .number(
      .sampleRate, \.sampleRate, 8000...192_000, for: [.serve], valueName: "rate",
      "Frames a second sent to listeners."),
    .number(
      .channels, \.channels, 1...2, for: [.serve], valueName: "count",
      "Channels sent to listeners: 1 is mono, mixed from both."),
    .number(
      .chunkSize, \.chunkSize, 32...16384, for: [.serve], valueName: "frames",
      "Frames in a message. Fewer: less delay, more work."),
    .number(
      .port, \.port, 0...65535, for: [.serve, .listen], valueName: "port",
      "The port, TCP and UDP. For serve, 0 takes any free one."),
    .number(
      .queueSize, \.queueSize, 1...10000, for: [.serve], valueName: "chunks",
      "Chunks kept for a listener that is behind; older ones are dropped."),
    .number(
      .maxClients, \.maxClients, 0...100_000, for: [.serve], valueName: "count",
      "Listeners of the original protocol at once; 0 sets no limit."),
    .number(
      .listenBacklog, \.listenBacklog, 1...65535, for: [.serve], valueName: "count",
      "Connections the system may hold until they are answered."),
    .special(
      .name, for: [.serve], valueName: "text", allowed: "1–60 characters",
      defaultText: "this computer's name", emptyText: "this computer's name",
      "What the broadcast is called on listeners' screens.",
      value: { .string($0.name ?? "") }, assign: assignName),
    .number(
      .httpPort, \.httpPort, 0...65535, for: [.serve], valueName: "port",
      "The TCP port of the page that browsers open; 0 takes any free one."),
    .number(
      .bitrate, \.bitrate, 32...510, for: [.serve], valueName: "kbit/s",
      "How much a browser's sound takes, and how good it is."),
    .number(
      .maxListeners, \.maxListeners, 0...100_000, for: [.serve], valueName: "count",
      "Browsers and other WebRTC listeners at once; 0 sets no limit."),
    .special(
      .allowOrigin, for: [.serve], valueName: "origins",
      allowed: "origins such as https://example.org with commas between them, or *",
      defaultText: "none", emptyText: "none", "Other sites whose pages may play this sound.",
      value: { .array($0.allowOrigin.map { .string($0) }) },
      assign: { assignList($0, into: \.allowOrigin, of: &$1) { $0 == "*" || isWebOrigin($0) } }),
    .special(
      .allowHost, for: [.serve], valueName: "names",
      allowed: "host names with commas between them", defaultText: "none", emptyText: "none",
      "Names by which browsers may open the page, besides this computer's own.",
      value: { .array($0.allowHost.map { .string($0) }) },
      assign: { assignList($0, into: \.allowHost, of: &$1, where: isHostName) }),
    .special(
      .bind, for: [.serve], valueName: "addresses",
      allowed: "numeric addresses with commas between them", defaultText: "all",
      emptyText: "all", "The addresses of this computer to listen on; nothing means all.",
      value: { .array($0.bind.map { .string($0) }) },
      assign: { assignList($0, into: \.bind, of: &$1, where: isNumericAddress) }),
    .special(
      .address, for: [.serve], valueName: "address",
      allowed: "one address or name of this computer, without a port",
      defaultText: "the likeliest to be reached", emptyText: "the likeliest to be reached",
      "The address in the QR code, where this computer has several.",
      value: { .string($0.address ?? "") }, assign: assignAddress),
    .special(
      .isPublic, for: [.serve], valueName: "", allowed: "true or false", defaultText: "false",
      "Also serve listeners beyond the directly attached networks.",
      value: { .bool($0.isPublic) },
      assign: { put(truth, $0, into: \.isPublic, of: &$1) }),
    .special(
      .mpvSocket, for: [.serve], valueName: "path",
      allowed: "the path of mpv's --input-ipc-server, up to \(LocalSocket.longestPath) bytes",
      defaultText: "none", emptyText: "none",
      "Holds the picture of an mpv back until the sound is heard; for one that plays elsewhere.",
      value: { .string($0.mpvSocket ?? "") },
      assign: { given, settings in
        guard let path = given.single, path.utf8.count <= LocalSocket.longestPath else {
          return false
        }
        settings.mpvSocket = path.isEmpty ? nil : path
        return true
      }),
    .special(
      .output, for: [.listen], valueName: "name", allowed: "the name of one output, or null",
      defaultText: "the default output", emptyText: "default",
      "The output to play to, by the name that auralync devices lists; null plays to nothing, in "
        + "real time.",
      value: { .string($0.output ?? "") },
      assign: { assignOutput($0, into: \.output, of: &$1) }),
    .number(
      .volume, \.volume, VolumeControl.percents, for: [.listen], valueName: "percent",
      "How loud; 100 leaves it as it is, and above nothing clips."),
    .number(
      .balance, \.balance, MonoBalance.balances, for: [.listen], valueName: "side",
      "Where it is heard: -100 on the left only, 100 on the right only."),
    .special(
      .isMono, for: [.listen], valueName: "", allowed: "true or false", defaultText: "false",
      "Play the mean of left and right on both sides.",
      value: { .bool($0.isMono) }, assign: { put(truth, $0, into: \.isMono, of: &$1) }),
    .special(
      .record, for: [.listen], valueName: "file",
      allowed: "a file's name that ends in .opus, .ogg or .wav", defaultText: "none",
      emptyText: "none",
      "Record to a file: .opus and .ogg take the packets as they come, .wav takes what is played.",
      value: { .string($0.record ?? "") },
      assign: { given, settings in
        guard let path = given.single, path.isEmpty || Recorder.Content(path: path) != nil else {
          return false
        }
        settings.record = path.isEmpty ? nil : path
        return true
      }),
    .special(
      .overwrite, for: [.listen], valueName: "", allowed: "true or false", defaultText: "false",
      "Let a recording replace a file that is there.",
      value: { .bool($0.overwrite) }, assign: { put(truth, $0, into: \.overwrite, of: &$1) }),
    .special(
      .offset, for: [.listen], valueName: "ms",
      allowed: "auto or \(BeatTaps.offsets.lowerBound) to \(BeatTaps.offsets.upperBound) ms",
      defaultText: "auto",
      "What the headphone adds to the delay that the sound system knows; an option is remembered for "
        + "the output. auto is what is remembered; --calibrate measures it.",
      value: { $0.offset.map { .int(Int64($0)) } ?? .string("auto") },
      assign: { given, settings in
        if given.single == "auto" {
          settings.offset = nil
          return true
        }
        guard let offset = wholeNumber(given), BeatTaps.offsets.contains(offset) else {
          return false
        }
        settings.offset = offset
        return true
      }),
    .special(
      .buffer, for: [.listen], valueName: "ms", allowed: "auto or 0–5000 ms",
      defaultText: "auto",
      "Sound kept in hand against an uneven network, over the original protocol.",
      value: { $0.buffer.map { .int($0.wholeMilliseconds) } ?? .string("auto") },
      assign: { assignMilliseconds($0, 0...5000, to: \.buffer, of: &$1) }),
    .special(
      .delay, for: [.serve, .listen], valueName: "ms",
      allowed: "serve: 50–2000, auto or auto:CAP; listen: 1–5000 or auto",
      defaultText: "250 for serve, auto for listen", emptyText: "250 for serve, auto for listen",
      "From a sound's capture to the ear, in milliseconds. serve: in film mode, for everyone; auto is what "
        + "the listeners need. listen: over WebRTC; auto is the server's wish, or the least possible.",
      value: { $0.delay.value }, assign: assignDelay),
    .number(
      .minDelay, \.minDelay, 0...2000, for: [.listen], valueName: "ms",
      "The least delay where it follows the network, in milliseconds."),
    .number(
      .maxDelay, \.maxDelay, 1...5000, for: [.listen], valueName: "ms",
      "The most delay where it follows the network, in milliseconds."),
    .choice(
      .protocolChoice, \.protocolChoice, for: [.listen], valueName: "protocol",
      "The protocol to speak with the server; auto takes WHEP where it is, else the original."),
    .choice(
      .codec, \.codec, for: [.listen], valueName: "codec",
      "What to ask for over WebRTC: pcm is lossless and takes 2.4 Mbit/s; where there is none it is "
        + "Opus."),
    .special(
      .token, for: [.listen], valueName: "text", allowed: "visible ASCII", defaultText: "none",
      emptyText: "none",
      "What lets you in where a URL's server asks for it. Others may see an option; AURALYNC_TOKEN, not.",
      value: { .string($0.token ?? "") },
      assign: { given, settings in
        guard let token = given.single, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
          return false
        }
        settings.token = token.isEmpty ? nil : token
        return true
      }),
    .choice(
      .logFormat, \.logFormat, for: [.serve, .listen], valueName: "format",
      "What is written to standard output: sentences, or a JSON object a line."),
    .special(
      .statusEvery, for: [.serve, .listen], valueName: "seconds", allowed: "0–3600",
      defaultText: "1 on a terminal or with json, else 60",
      "Seconds from one status to the next; 0 never writes one.",
      value: { .int(($0.statusEvery?.wholeMilliseconds ?? 0) / 1000) },
      assign: { given, settings in
        guard let seconds = wholeNumber(given), (0...3600).contains(seconds) else { return false }
        settings.statusEvery = seconds == 0 ? nil : .seconds(seconds)
        return true
      }),
    .special(
      .stats, for: [.listen], valueName: "", allowed: "true or false", defaultText: "false",
      "All that is known of the sound's way: a table on a terminal, JSON lines elsewhere.",
      value: { .bool($0.stats) }, assign: { put(truth, $0, into: \.stats, of: &$1) }),
  ]
}

private func put<Value>(
  _ read: (String) -> Value?, _ given: GivenValue, into path: WritableKeyPath<Settings, Value>,
  of settings: inout Settings
) -> Bool {
  guard let value = given.single.flatMap(read) else { return false }
  settings[keyPath: path] = value
  return true
}

private func truth(_ text: String) -> Bool? {
  switch text.lowercased() {
  case "true", "yes", "on", "1": true
  case "false", "no", "off", "0": false
  default: nil
  }
}

private func assignMilliseconds(
  _ given: GivenValue, _ range: ClosedRange<Int>, to path: WritableKeyPath<Settings, Duration?>,
  of settings: inout Settings
) -> Bool {
  if given.single == "auto" {
    settings[keyPath: path] = nil
    return true
  }
  guard let number = SettingKey.wholeNumber(given), range.contains(number) else { return false }
  settings[keyPath: path] = .milliseconds(number)
  return true
}

@Sendable private func assignDelay(_ given: GivenValue, _ settings: inout Settings) -> Bool {
  guard let delay = given.single.flatMap(DelaySetting.init) else { return false }
  settings.delay = delay
  return true
}

/// An output's name; nothing is none.
private func assignOutput(
  _ given: GivenValue, into path: WritableKeyPath<Settings, String?>, of settings: inout Settings
) -> Bool {
  guard let name = given.single else { return false }
  settings[keyPath: path] = name.isEmpty ? nil : name
  return true
}

@Sendable private func assignName(_ given: GivenValue, _ settings: inout Settings) -> Bool {
  guard let name = given.single?.trimmed, name.count <= 60 else { return false }
  settings.name = name.isEmpty ? nil : name.withoutControlCharacters
  return true
}

@Sendable private func assignAddress(_ given: GivenValue, _ settings: inout Settings) -> Bool {
  guard let text = given.single?.trimmed else { return false }
  // A zone means something on this computer only.
  let isAddress = IPAddress(text).map { $0.zone == nil && !$0.isUnspecified } ?? false
  guard text.isEmpty || isAddress || isHostName(text) else { return false }
  settings.address = text.isEmpty ? nil : text
  return true
}

/// Some values with commas between them, or an array of the file; nothing is none.
private func assignList(
  _ given: GivenValue, into path: WritableKeyPath<Settings, [String]>,
  of settings: inout Settings, where isAllowed: (String) -> Bool
) -> Bool {
  let items: [String] =
    switch given {
    case .text(""): []
    case .text(let text):
      text.split(separator: ",", omittingEmptySubsequences: false).map { String($0).trimmed }
    case .list(let items): items.map(\.trimmed)
    }
  guard items.allSatisfy(isAllowed) else { return false }
  settings[keyPath: path] = items
  return true
}

extension Duration {
  /// Milliseconds, for durations that were given in them.
  var wholeMilliseconds: Int64 {
    components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
  }
}
