internal import ArgumentParser

/// Options that give settings: what each property's `Option(_:)` names is read from the table.
protocol SettingsOptions: ParsableArguments {
  /// What was given on the command line.
  var given: [(name: SettingName, value: String)] { get }
}

/// The options every command with settings has.
struct SharedOptions: SettingsOptions {
  @Option(
    help: ArgumentHelp(
      "The configuration file to read instead of ~/.config/auralync/config.toml.",
      valueName: "file"), completion: .file(extensions: ["toml"]))
  var config: String?

  @Option(.backend) var backend: String?
  @Option(.port) var port: String?
  @Option(.delay) var delay: String?
  @Option(.logFormat) var logFormat: String?
  @Option(.statusEvery) var statusEvery: String?

  var given: [(name: SettingName, value: String)] {
    collect([
      (.backend, backend), (.port, port), (.delay, delay), (.logFormat, logFormat),
      (.statusEvery, statusEvery),
    ])
  }
}

/// The options of `serve` alone.
struct ServeOptions: SettingsOptions {
  @Option(.source) var source: String?
  @Option(.alsoPlay) var alsoPlay: String?
  @Option(.mode) var mode: String?
  @Option(.stdinFormat) var stdinFormat: String?
  @Option(.preset) var preset: String?
  @Option(.sampleRate) var sampleRate: String?
  @Option(.channels) var channels: String?
  @Option(.chunkSize) var chunkSize: String?
  @Option(.queueSize) var queueSize: String?
  @Option(.maxClients) var maxClients: String?
  @Option(.listenBacklog) var listenBacklog: String?
  @Option(.name) var name: String?
  @Option(.httpPort) var httpPort: String?
  @Option(.bitrate) var bitrate: String?
  @Option(.maxListeners) var maxListeners: String?
  @Option(.allowOrigin) var allowOrigin: String?
  @Option(.allowHost) var allowHost: String?
  @Option(.bind) var bind: String?
  @Option(.address) var address: String?
  @Option(.mpvSocket) var mpvSocket: String?

  @Flag(
    name: .customLong("default-output"), inversion: .prefixedNo,
    help: ArgumentHelp(SettingKey.named(.defaultOutput).optionHelp))
  var defaultOutput: Bool?

  @Flag(
    name: .customLong("public"), inversion: .prefixedNo,
    help: ArgumentHelp(SettingKey.named(.isPublic).optionHelp))
  var isPublic: Bool?

  var given: [(name: SettingName, value: String)] {
    collect([
      (.source, source), (.defaultOutput, defaultOutput.map { String($0) }),
      (.alsoPlay, alsoPlay), (.mode, mode), (.stdinFormat, stdinFormat), (.preset, preset),
      (.sampleRate, sampleRate), (.channels, channels), (.chunkSize, chunkSize),
      (.queueSize, queueSize), (.maxClients, maxClients), (.listenBacklog, listenBacklog),
      (.name, name), (.httpPort, httpPort), (.bitrate, bitrate),
      (.maxListeners, maxListeners), (.allowOrigin, allowOrigin), (.allowHost, allowHost),
      (.bind, bind), (.address, address), (.isPublic, isPublic.map { String($0) }),
      (.mpvSocket, mpvSocket),
    ])
  }
}

/// The options of `listen` alone.
struct ListenOptions: SettingsOptions {
  @Option(.output) var output: String?
  @Option(.volume) var volume: String?
  // Its values may begin with a dash.
  @Option(.balance, parsing: .unconditional) var balance: String?

  @Flag(
    name: .customLong("mono"), inversion: .prefixedNo,
    help: ArgumentHelp(SettingKey.named(.isMono).optionHelp))
  var isMono: Bool?

  @Option(.record) var record: String?

  @Flag(
    name: .customLong("overwrite"), inversion: .prefixedNo,
    help: ArgumentHelp(SettingKey.named(.overwrite).optionHelp))
  var overwrite: Bool?

  @Option(.offset, parsing: .unconditional) var offset: String?
  @Option(.buffer) var buffer: String?
  @Option(.minDelay) var minDelay: String?
  @Option(.maxDelay) var maxDelay: String?
  @Option(.protocolChoice) var protocolChoice: String?
  @Option(.codec) var codec: String?
  @Option(.token) var token: String?

  @Flag(
    name: .customLong("stats"), inversion: .prefixedNo,
    help: ArgumentHelp(SettingKey.named(.stats).optionHelp))
  var stats: Bool?

  var given: [(name: SettingName, value: String)] {
    collect([
      (.output, output), (.volume, volume), (.balance, balance),
      (.isMono, isMono.map { String($0) }), (.record, record),
      (.overwrite, overwrite.map { String($0) }), (.offset, offset), (.buffer, buffer),
      (.minDelay, minDelay), (.maxDelay, maxDelay), (.protocolChoice, protocolChoice),
      (.codec, codec), (.token, token), (.stats, stats.map { String($0) }),
    ])
  }
}

/// Every setting of `serve`: `@OptionGroup var settings: ServeSettings`, then
/// `try settings.resolved()`.
struct ServeSettings: ParsableArguments {
  @OptionGroup(title: "What is served, and how") var own: ServeOptions
  @OptionGroup(title: "In general") var shared: SharedOptions

  /// The settings that hold now.
  func resolved() throws(UserError) -> Settings {
    try .resolved(for: .serve, options: own.given + shared.given, configFile: shared.config)
  }
}

/// Every setting of `listen`: `@OptionGroup var settings: ListenSettings`, then
/// `try settings.resolved()`.
struct ListenSettings: ParsableArguments {
  @OptionGroup(title: "How it is played") var own: ListenOptions
  @OptionGroup(title: "In general") var shared: SharedOptions

  /// The settings that hold now.
  func resolved() throws(UserError) -> Settings {
    try .resolved(for: .listen, options: own.given + shared.given, configFile: shared.config)
  }
}

extension Option where Value == String? {
  /// The option of a setting. Its value is checked with everything else, by the table.
  init(_ name: SettingName, parsing: SingleValueParsingStrategy = .next) {
    let key = SettingKey.named(name)
    self.init(
      name: .customLong(name.rawValue), parsing: parsing,
      help: ArgumentHelp(key.optionHelp, valueName: key.valueName))
  }
}

extension SettingKey {
  /// The whole help of the option: sentence, what is allowed, default.
  var optionHelp: String { "\(help) (\(allowed); default: \(defaultText))" }
}

private func collect(
  _ options: [(name: SettingName, value: String?)]
) -> [(name: SettingName, value: String)] {
  options.compactMap { option in option.value.map { (option.name, $0) } }
}
