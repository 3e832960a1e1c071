/// What one place (file, environment, command line) gives, unchecked.
struct SettingsLayer: Sendable {
  struct Given: Sendable {
    var name: SettingName
    var value: GivenValue
    var origin: Origin
  }

  private(set) var given: [Given] = []

  mutating func give(_ name: SettingName, _ value: GivenValue, origin: Origin) {
    given.append(Given(name: name, value: value, origin: origin))
  }

  /// What the environment gives. An empty variable gives nothing, as if it were not set.
  init(environment: [String: String]) throws(UserError) {
    for name in SettingName.allCases {
      guard let value = environment[name.variable], !value.isEmpty else { continue }
      give(name, .text(value), origin: .environment(variable: name.variable))
    }
    // Other programs may have variables of this beginning, so only a near miss is an error.
    let known = Set(SettingName.allCases.map(\.variable) + [Self.configVariable])
    for variable in environment.keys.sorted()
    where variable.hasPrefix("AURALYNC_") && !known.contains(variable) {
      let word = String(variable.dropFirst("AURALYNC_".count))
      guard let name = SettingName.nearest(to: word) else { continue }
      throw UserError(
        "\(variable) is not a setting. Did you mean \(name.variable)?", exitCode: UserError.usage)
    }
  }

  /// The variable that stands for `--config`.
  static let configVariable = "AURALYNC_CONFIG"

  /// What the command line gives.
  init(options: [(name: SettingName, value: String)] = []) {
    for option in options {
      give(option.name, .text(option.value), origin: .option(option.name.option))
    }
  }
}

extension Settings {
  /// Lays what one place gives over these settings: its preset first, then its single keys.
  mutating func apply(_ layer: SettingsLayer) throws(UserError) {
    let presets = layer.given.filter { $0.name == .preset }
    for given in presets + layer.given.filter({ $0.name != .preset }) {
      let key = SettingKey.named(given.name)
      guard key.assign(given.value, &self) else {
        // A secret, even one with an error in it, is not for the screen.
        let shown = given.name == .token ? "" : ", not \(given.value.shown)"
        throw UserError(
          "\(given.origin.label(for: given.name)) must be \(key.allowed)\(shown).",
          exitCode: UserError.usage)
      }
      setOrigin(given.origin, of: given.name)
      if given.name == .preset { try fillIn(preset, from: given.origin) }
    }
  }

  private mutating func fillIn(_ preset: Preset, from origin: Origin) throws(UserError) {
    for (name, value) in preset.values {
      guard SettingKey.named(name).assign(.text(value), &self) else {
        preconditionFailure("preset \(preset.rawValue) sets \(name.rawValue) out of its range")
      }
      setOrigin(.preset(preset, from: origin), of: name)
    }
  }
}
