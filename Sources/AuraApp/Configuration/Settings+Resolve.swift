internal import AuraPipelines
@preconcurrency @unsafe internal import Glibc
internal import AuraStream

extension Settings {
  /// The most that may be kept for one client that is behind.
  static let maximumQueueBytes = 512 << 20

  /// Lays everything given over the defaults and checks it: default < file < environment < options.
  ///
  /// - Parameters:
  ///   - command: who will use them; nil when they are only shown.
  ///   - options: what the command line gave.
  ///   - configFile: the file of `--config`, which must exist; nil reads the usual one if it is
  ///     there.
  ///   - environment: the environment to look into.
  ///   - isTerminal: whether standard output is a terminal.
  /// - Returns: settings that are all in their ranges.
  /// - Throws: one sentence naming the place, the key and what is allowed; exit code 64.
  static func resolved(
    for command: SettingsCommand? = nil, options: [(name: SettingName, value: String)] = [],
    configFile: String? = nil, environment: [String: String] = processEnvironment(),
    isTerminal: Bool = isatty(STDOUT_FILENO) == 1
  ) throws(UserError) -> Settings {
    var settings = Settings()
    try settings.applyFile(named: configFile, environment: environment)
    try settings.apply(SettingsLayer(environment: environment))
    try settings.apply(SettingsLayer(options: options))
    if settings.stats, !isTerminal, settings.origin(of: .logFormat) == .builtIn {
      settings.logFormat = .json
    }
    if settings.origin(of: .statusEvery) == .builtIn {
      settings.statusEvery = .seconds(isTerminal || settings.logFormat == .json ? 1 : 60)
    }
    try settings.check(for: command)
    return settings
  }

  private mutating func applyFile(
    named option: String?, environment: [String: String]
  ) throws(UserError) {
    let variable = environment[SettingsLayer.configVariable].flatMap { $0.isEmpty ? nil : $0 }
    let named = option ?? variable
    guard let path = named ?? SettingsFile.defaultPath(environment: environment) else { return }
    let layer = try SettingsFile.layer(path: path, mustExist: named != nil)
    configFile = ConfigFile(path: path, wasRead: layer != nil)
    if let layer { try apply(layer) }
  }

  private func check(for command: SettingsCommand?) throws(UserError) {
    if command == .listen, port == 0 {
      throw UserError(
        "\(origin(of: .port).label(for: .port)) must be 1–65535 for listen, not 0.",
        exitCode: UserError.usage)
    }
    if command == .serve, defaultOutput, source != .output {
      throw UserError(
        "\(origin(of: .defaultOutput).label(for: .defaultOutput)) makes the device of --source "
          + "output the default, and with \(source.text) there is none to be chosen.",
        exitCode: UserError.usage)
    }
    try checkDelay(for: command)
    if let record, Recorder.Content(path: record) == .packets,
      codec == .pcm || protocolChoice == .original
    {
      let reason = codec == .pcm ? SettingName.codec : .protocolChoice
      throw UserError(
        "record \(record) (\(origin(of: .record))) takes Opus packets, and with \(reason.rawValue) "
          + "(\(origin(of: reason))) there are none. Record to a .wav file.",
        exitCode: UserError.usage)
    }
    if minDelay > maxDelay {
      throw UserError(
        "min-delay \(minDelay) (\(origin(of: .minDelay))) is more than max-delay \(maxDelay) "
          + "(\(origin(of: .maxDelay))). Lower the one or raise the other.",
        exitCode: UserError.usage)
    }
    let bytes = queueSize * (chunkSize * channels * 4 + 4)
    if bytes > Self.maximumQueueBytes {
      throw UserError(
        "queue-size \(queueSize) (\(origin(of: .queueSize))) of chunk-size \(chunkSize) "
          + "(\(origin(of: .chunkSize))) is \(bytes >> 20) MiB, more than the \(Self.maximumQueueBytes >> 20) MiB "
          + "allowed. Lower queue-size or chunk-size.",
        exitCode: UserError.usage)
    }
  }
}

extension Settings {
  /// The two commands' delays have other bounds.
  fileprivate func checkDelay(for command: SettingsCommand?) throws(UserError) {
    let label = origin(of: .delay).label(for: .delay)
    switch (command, delay) {
    case (.serve, .said(let delay)) where !PresentationPlan.delays.contains(delay):
      throw UserError(
        "\(label) must be 50–2000 ms for serve, not \(delay.wholeMilliseconds).",
        exitCode: UserError.usage)
    case (.listen, .auto(cap: _?)):
      throw UserError(
        "\(label) has a cap, which only serve understands; listen has --max-delay.",
        exitCode: UserError.usage)
    default: break
    }
  }
}

/// This program's environment.
func processEnvironment() -> [String: String] {
  var variables: [String: String] = [:]
  var next: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe environ
  while let entry = unsafe next?.pointee {
    let parts = unsafe String(cString: entry).split(
      separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
    unsafe next = next?.successor()
  }
  return variables
}
