internal import Testing

@testable internal import AuraApp

@Suite struct SettingsLayeringTests {
  /// Resolves with a file of this content.
  private func resolved(
    for command: SettingsCommand? = nil, file: String = "", environment: [String: String] = [:],
    options: [(name: SettingName, value: String)] = [], isTerminal: Bool = false
  ) throws -> Settings {
    var result: Settings?
    try withTemporaryFolder { folder in
      let path = "\(folder)/c.toml"
      try writeFile(path, Array(file.utf8))
      result = try .resolved(
        for: command, options: options, configFile: path, environment: environment,
        isTerminal: isTerminal)
    }
    return try #require(result)
  }

  private func expectError(
    _ message: String, for command: SettingsCommand? = nil, environment: [String: String] = [:],
    options: [(name: SettingName, value: String)] = []
  ) {
    #expect(throws: UserError(message, exitCode: 64)) {
      try resolved(for: command, environment: environment, options: options)
    }
  }

  @Test func theLaterWins() throws {
    let file = "port = 1\nvolume = 1\nchunk-size = 64"
    let environment = ["AURALYNC_PORT": "2", "AURALYNC_VOLUME": "2", "OTHER": "x"]
    let settings = try resolved(file: file, environment: environment, options: [(.port, "3")])
    #expect(settings.port == 3)
    #expect(settings.volume == 2)
    #expect(settings.chunkSize == 64)
    #expect(settings.queueSize == 50)
    #expect(settings.origin(of: .port) == .option("--port"))
    #expect(settings.origin(of: .volume) == .environment(variable: "AURALYNC_VOLUME"))
    #expect(settings.origin(of: .chunkSize).description.hasSuffix("/c.toml:3"))
    #expect(settings.origin(of: .queueSize) == .builtIn)
    #expect(settings.configFile?.wasRead == true)
  }

  @Test(arguments: [
    ("smooth", 1024, 50, 50), ("low-latency", 512, 20, 30), ("stable", 2048, 100, 100),
  ])
  func presets(_ preset: (name: String, chunk: Int, queue: Int, clients: Int)) throws {
    let settings = try resolved(options: [(.preset, preset.name)])
    #expect(settings.chunkSize == preset.chunk)
    #expect(settings.queueSize == preset.queue)
    #expect(settings.maxClients == preset.clients)
    for name in [SettingName.chunkSize, .queueSize, .maxClients] {
      #expect(settings.origin(of: name).description == "preset \(preset.name) from --preset")
    }
    #expect(settings.origin(of: .preset) == .option("--preset"))
    #expect(settings.origin(of: .sampleRate) == .builtIn)
  }

  @Test func singleKeysOfALayerBeatItsPresetInAnyOrder() throws {
    let settings = try resolved(options: [(.queueSize, "7"), (.preset, "stable")])
    #expect(settings.queueSize == 7)
    #expect(settings.chunkSize == 2048)
    let file = try resolved(file: "max-clients = 3\npreset = 'low-latency'")
    #expect(file.maxClients == 3)
    #expect(file.queueSize == 20)
    #expect(file.origin(of: .queueSize).description.hasSuffix("/c.toml:2"))
  }

  @Test func aPresetBeatsSingleKeysOfEarlierLayers() throws {
    let settings = try resolved(
      file: "chunk-size = 64\nqueue-size = 9", environment: ["AURALYNC_PRESET": "low-latency"],
      options: [(.queueSize, "8")])
    #expect(settings.chunkSize == 512)
    #expect(settings.queueSize == 8)
    #expect(settings.maxClients == 30)
    #expect(
      settings.origin(of: .chunkSize)
        == .preset(.lowLatency, from: .environment(variable: "AURALYNC_PRESET")))
    #expect(settings.origin(of: .queueSize) == .option("--queue-size"))
  }

  @Test func aLaterPresetReplacesAnEarlierOneWhole() throws {
    let settings = try resolved(file: "preset = 'stable'", options: [(.preset, "smooth")])
    #expect(settings.chunkSize == 1024)
    #expect(settings.maxClients == 50)
  }

  @Test func statusEveryDependsOnWhereItIsSeen() throws {
    #expect(try resolved().statusEvery == .seconds(60))
    #expect(try resolved(isTerminal: true).statusEvery == .seconds(1))
    #expect(try resolved(options: [(.logFormat, "json")]).statusEvery == .seconds(1))
    #expect(try resolved(file: "status-every = 0", isTerminal: true).statusEvery == nil)
  }

  @Test func emptyVariablesGiveNothing() throws {
    #expect(try resolved(environment: ["AURALYNC_PORT": ""]).origin(of: .port) == .builtIn)
  }

  @Test func nearlyRightVariables() {
    expectError(
      "AURALYNC_CHUNKSIZE is not a setting. Did you mean AURALYNC_CHUNK_SIZE?",
      environment: ["AURALYNC_CHUNKSIZE": "64", "AURALYNC_STRICT": "1"])
  }

  @Test func queuesThatAreTooLarge() throws {
    expectError(
      "queue-size 10000 (--queue-size) of chunk-size 16384 (--chunk-size) is 1250 MiB, more than "
        + "the 512 MiB allowed. Lower queue-size or chunk-size.",
      options: [(.queueSize, "10000"), (.chunkSize, "16384")])
    let chunks = (512 << 20) / (16384 * 2 * 4 + 4)
    let largest = try resolved(
      options: [(.queueSize, String(chunks)), (.chunkSize, "16384")])
    #expect(largest.queueSize == chunks)
    #expect(throws: UserError.self) {
      try resolved(options: [(.queueSize, String(chunks + 1)), (.chunkSize, "16384")])
    }
  }

  @Test func portZeroIsForServeOnly() throws {
    expectError("--port must be 1–65535 for listen, not 0.", for: .listen, options: [(.port, "0")])
    #expect(try resolved(for: .serve, options: [(.port, "0")]).port == 0)
  }

  @Test func theFileMayBeNamedByTheEnvironment() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/c.toml"
      try writeFile(path, Array("port = 9".utf8))
      let named = try Settings.resolved(environment: ["AURALYNC_CONFIG": path], isTerminal: false)
      #expect(named.port == 9)
      let error = #expect(throws: UserError.self) {
        try Settings.resolved(environment: ["AURALYNC_CONFIG": path + "x"], isTerminal: false)
      }
      #expect(error?.exitCode == 64)
      let usual = try Settings.resolved(
        environment: ["XDG_CONFIG_HOME": folder], isTerminal: false)
      #expect(
        usual.configFile == ConfigFile(path: "\(folder)/auralync/config.toml", wasRead: false))
    }
  }
}
