internal import AuraStream
internal import Testing

@testable internal import AuraApp

/// What a setting takes and refuses, written down apart from the program's own table.
struct SettingCase: Sendable, CustomTestStringConvertible {
  var name: SettingName
  var standard: String
  var accepted: [String]
  var refused: [String]

  var testDescription: String { name.rawValue }

  private static func number(
    _ name: SettingName, _ standard: String, _ range: ClosedRange<Int>
  ) -> SettingCase {
    SettingCase(
      name: name, standard: standard,
      accepted: [String(range.lowerBound), String(range.upperBound)],
      refused: [
        String(range.lowerBound - 1), String(range.upperBound + 1), "1.5", "x", "1 ",
        "99999999999999999999",
      ])
  }

  static let all: [SettingCase] = [
    SettingCase(
      name: .source, standard: "system",
      accepted: [
        "system", "device:a:b", "file:/a b.flac", "stdin", "tone:440", "tone:20", "tone:20000",
        "tone:441.5", "output", "app:mpv", "app:Film: night",
      ],
      refused: [
        "System", "device", "device:", "file:", "tone:", "tone:19.9", "tone:20001", "tone:nan",
        "stdin:1", "system:", "x",
        "output:", "app", "app:",
      ]),
    SettingCase(
      name: .defaultOutput, standard: "false", accepted: ["true", "false"], refused: ["maybe"]),
    SettingCase(
      name: .alsoPlay, standard: "(none)", accepted: ["alsa_output.pci-0000", "a b"], refused: []),
    SettingCase(
      name: .mode, standard: "(film for output and for a command, else live)",
      accepted: ["film", "live"], refused: ["auto", "Film"]),
    SettingCase(
      name: .stdinFormat, standard: "s16le:48000:2",
      accepted: ["s16le:8000:1", "f32le:192000:8"],
      refused: [
        "s16be", "s16le:7999", "s16le:192001", "s16le:48000:0", "s16le:48000:9", "s16le:",
        "s16le:48000:2:1",
      ]),
    SettingCase(
      name: .backend, standard: "auto", accepted: ["auto", "pipewire", "pulse"],
      refused: ["alsa", "Pulse"]),
    SettingCase(
      name: .preset, standard: "smooth", accepted: ["smooth", "low-latency", "stable"],
      refused: ["fast"]),
    number(.sampleRate, "44100", 8000...192_000),
    number(.channels, "2", 1...2),
    number(.chunkSize, "1024", 32...16384),
    number(.port, "5555", 0...65535),
    number(.queueSize, "50", 1...10000),
    number(.maxClients, "50", 0...100_000),
    number(.listenBacklog, "10", 1...65535),
    SettingCase(
      name: .name, standard: "(this computer's name)",
      accepted: ["Film night", "Kino 7", String(repeating: "x", count: 60)],
      refused: [String(repeating: "x", count: 61)]),
    number(.httpPort, "8080", 0...65535),
    number(.bitrate, "128", 32...510),
    number(.maxListeners, "0", 0...100_000),
    SettingCase(
      name: .allowOrigin, standard: "(none)",
      accepted: ["*", "https://example.org", "http://a.example:8000,https://b.example"],
      refused: ["example.org", "null", "ftp://example.org", "https://example.org,"]),
    SettingCase(
      name: .allowHost, standard: "(none)", accepted: ["film.example", "a.example,b"],
      refused: ["192.0.2.1", "a.example:80", "a b", "a.example,"]),
    SettingCase(
      name: .bind, standard: "(all)",
      accepted: ["127.0.0.1", "127.0.0.1,::1", "fe80::1%eth0", "0.0.0.0"],
      refused: ["localhost", "127.0.0.1,", ",", "127.0.0.1:5555", "[::1]", "1.2.3", "fe80::1%"]),
    SettingCase(
      name: .address, standard: "(the likeliest to be reached)",
      accepted: ["192.0.2.1", "2001:db8::1", "film.local", "bar"],
      refused: ["192.0.2.1:80", "[::1]", "fe80::1%eth0", "0.0.0.0", "a,b", "http://bar", "a b"]),
    SettingCase(
      name: .isPublic, standard: "false", accepted: ["true", "false"], refused: ["maybe", "2"]),
    SettingCase(
      name: .mpvSocket, standard: "(none)", accepted: ["/tmp/mpv", "a b"],
      refused: [String(repeating: "x", count: 108)]),
    SettingCase(
      name: .output, standard: "(default)", accepted: ["alsa_output.pci-0000", "a b", "null"],
      refused: []),
    number(.volume, "100", 0...200),
    number(.balance, "0", -100...100),
    SettingCase(name: .isMono, standard: "false", accepted: ["true", "false"], refused: ["2"]),
    SettingCase(
      name: .record, standard: "(none)", accepted: ["a.opus", "/b/c.OGG", "d e.wav"],
      refused: ["a.mp3", "opus", "a."]),
    SettingCase(name: .overwrite, standard: "false", accepted: ["true", "false"], refused: ["2"]),
    SettingCase(
      name: .offset, standard: "auto", accepted: ["auto", "-500", "0", "500"],
      refused: ["-501", "501", "10ms", "1.5"]),
    SettingCase(
      name: .buffer, standard: "auto", accepted: ["auto", "0", "5000"],
      refused: ["-1", "5001", "10ms", "none"]),
    SettingCase(
      name: .delay, standard: "(250 for serve, auto for listen)",
      accepted: ["auto", "1", "120", "5000", "auto:50", "auto:2000"],
      refused: ["0", "-1", "5001", "10ms", "none", "auto:", "auto:49", "auto:2001", "auto:x"]),
    number(.minDelay, "0", 0...2000),
    number(.maxDelay, "2000", 1...5000),
    SettingCase(
      name: .protocolChoice, standard: "auto", accepted: ["auto", "whep", "original"],
      refused: ["webrtc"]),
    SettingCase(name: .codec, standard: "opus", accepted: ["opus", "pcm"], refused: ["l24"]),
    SettingCase(
      name: .token, standard: "(none)", accepted: ["a-b.c_d~e+f/g="], refused: ["a b", "ä"]),
    SettingCase(
      name: .logFormat, standard: "text", accepted: ["text", "json"], refused: ["xml"]),
    number(.statusEvery, "60", 0...3600),
    SettingCase(
      name: .stats, standard: "false", accepted: ["true", "false"], refused: ["maybe", "2"]),
  ]
}

/// Settings of this layer alone.
func settings(_ layer: SettingsLayer) throws -> Settings {
  var settings = Settings()
  try settings.apply(layer)
  return settings
}

@Suite struct SettingTableTests {
  @Test func everyNameIsInTheTableAndTestedHere() {
    #expect(SettingKey.all.map(\.name) == SettingName.allCases)
    #expect(SettingCase.all.map(\.name) == SettingName.allCases)
  }

  @Test(arguments: SettingCase.all)
  func standardValue(_ test: SettingCase) {
    #expect(SettingKey.named(test.name).text(in: Settings()) == test.standard)
    #expect(Settings().origin(of: test.name) == .builtIn)
  }

  @Test(arguments: SettingCase.all)
  func acceptsFromEveryPlace(_ test: SettingCase) throws {
    let key = SettingKey.named(test.name)
    for value in test.accepted {
      let options = try settings(SettingsLayer(options: [(test.name, value)]))
      #expect(key.text(in: options) == value)
      #expect(options.origin(of: test.name) == .option("--\(test.name.rawValue)"))

      let environment = try settings(SettingsLayer(environment: [test.name.variable: value]))
      #expect(key.text(in: environment) == value)

      let document = "\n\(test.name.rawValue) = \"\(value)\"\n"
      let file = try settings(SettingsFile.layer(document: document, path: "f"))
      #expect(key.text(in: file) == value)
      #expect(file.origin(of: test.name) == .file(path: "f", line: 2))
    }
  }

  @Test(arguments: SettingCase.all)
  func refusesFromEveryPlaceNamingWhatIsAllowed(_ test: SettingCase) {
    let allowed = SettingKey.named(test.name).allowed
    for value in test.refused {
      let shown = test.name == .token ? "" : ", not \(GivenValue.text(value).shown)"
      let ending = "must be \(allowed)\(shown)."
      #expect(throws: UserError("\(test.name.option) \(ending)", exitCode: 64)) {
        try settings(SettingsLayer(options: [(test.name, value)]))
      }
      #expect(throws: UserError("\(test.name.variable) \(ending)", exitCode: 64)) {
        try settings(SettingsLayer(environment: [test.name.variable: value]))
      }
      #expect(throws: UserError("f:1: \(test.name.rawValue) \(ending)", exitCode: 64)) {
        let document = "\(test.name.rawValue) = \"\(value)\""
        return try settings(SettingsFile.layer(document: document, path: "f"))
      }
    }
  }

  @Test func messageReadsAsPromised() {
    #expect(throws: UserError("--queue-size must be 1–10000, not 0.", exitCode: 64)) {
      try settings(SettingsLayer(options: [(.queueSize, "0")]))
    }
    #expect(throws: UserError("--backend must be auto, pipewire or pulse, not alsa.", exitCode: 64))
    { try settings(SettingsLayer(options: [(.backend, "alsa")])) }
  }

  @Test func variablesAreCapitals() {
    #expect(SettingName.listenBacklog.variable == "AURALYNC_LISTEN_BACKLOG")
    #expect(SettingName.isPublic.variable == "AURALYNC_PUBLIC")
  }

  @Test func typedValues() throws {
    let settings = try settings(
      SettingsLayer(options: [
        (.source, "tone"), (.stdinFormat, "f32le:44100"), (.backend, "pulse"), (.buffer, "250"),
        (.statusEvery, "0"), (.output, "ear"), (.bind, "127.0.0.1, ::1"), (.isPublic, "yes"),
      ]))
    #expect(settings.source == .tone(hertz: 440))
    #expect(settings.stdinFormat.encoding == .f32le)
    #expect(settings.stdinFormat.sampleRate == 44100)
    #expect(settings.stdinFormat.channels == 2)
    #expect(settings.buffer == .milliseconds(250))
    #expect(settings.statusEvery == nil)
    #expect(settings.output == "ear")
    #expect(settings.bind == ["127.0.0.1", "::1"])
    #expect(settings.isPublic)
  }

  @Test func valuesInErrorsAreShortAndHarmless() {
    #expect(GivenValue.text("\u{1B}[2J").shown == "\"\u{FFFD}[2J\"")
    #expect(GivenValue.text("").shown == "nothing")
    #expect(GivenValue.text(String(repeating: "a", count: 1000)).shown.count == 61)
    #expect(GivenValue.list(["1", "2"]).shown == "\"[1, 2]\"")
  }
}
