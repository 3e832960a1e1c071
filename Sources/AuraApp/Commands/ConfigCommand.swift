internal import ArgumentParser

/// `auralync config`: the settings that hold now, and where each came from.
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Show every setting and where it came from.",
    discussion: """
      A setting may stand in the configuration file as KEY = VALUE, in the environment as \
      AURALYNC_KEY with _ for -, and on the command line as --KEY VALUE. The later wins. Options \
      given here are shown as serve or listen would take them.
      """)

  @Flag(help: "Write one JSON object: {KEY: {\"value\", \"origin\"}}.")
  var json = false

  @OptionGroup(title: "Settings of serve") var serve: ServeOptions
  @OptionGroup(title: "Settings of listen") var listen: ListenOptions
  @OptionGroup(title: "In general") var shared: SharedOptions

  func run() throws {
    var settings = try Settings.resolved(
      options: serve.given + listen.given + shared.given, configFile: shared.config)
    // Not for every eye that sees the screen.
    if settings.token != nil { settings.token = "(hidden)" }
    let output = Output(format: .text)
    if json {
      output.line(settings.table.json)
    } else {
      for line in settings.lines { output.line(line) }
    }
  }
}

extension Settings {
  /// Every key with its value and origin.
  var table: JSONValue {
    .object(
      SettingKey.all.map { key in
        .init(
          name: key.name.rawValue,
          value: [
            "value": key.value(self), "origin": .string(origin(of: key.name).description),
          ])
      })
  }

  /// The same for people: three columns, then which file was read.
  var lines: [String] {
    let rows = SettingKey.all.map {
      [$0.name.rawValue, $0.text(in: self), origin(of: $0.name).description]
    }
    let widths = [0, 1].map { column in rows.map { $0[column].count }.max() ?? 0 }
    let table = rows.map { row in
      row[0].padded(to: widths[0]) + "  " + row[1].padded(to: widths[1]) + "  " + row[2]
    }
    guard let configFile else { return table }
    return table + ["", "\(configFile.path)" + (configFile.wasRead ? "" : " (no such file)")]
  }
}

extension String {
  /// Filled up with blanks on the right.
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
