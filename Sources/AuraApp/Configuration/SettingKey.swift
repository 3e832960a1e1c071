/// One setting: everything that its file key, variable, option, help, check and display need.
struct SettingKey: Sendable {
  let name: SettingName
  /// The commands that have it as an option. All share one file.
  let commands: Set<SettingsCommand>
  /// A sentence for `--help`.
  let help: String
  /// What `--help` calls the value.
  let valueName: String
  /// What may be given, as it stands in help and errors.
  let allowed: String
  /// What holds when nothing is given, as people read it.
  let defaultText: String
  /// Puts a value into the settings; false when it is not allowed.
  let assign: @Sendable (GivenValue, inout Settings) -> Bool
  /// The value in its natural type.
  let value: @Sendable (Settings) -> JSONValue
  /// What an empty value means.
  let emptyText: String

  /// The value as people read it.
  func text(in settings: Settings) -> String {
    let text =
      switch value(settings) {
      case .string(let text): text
      case .array(let items): items.map(\.plainText).joined(separator: ",")
      case let other: other.plainText
      }
    return text.isEmpty ? "(\(emptyText))" : text
  }

  /// The key of a name. The table has every name: `SettingTableTests` holds it to that.
  static func named(_ name: SettingName) -> SettingKey {
    guard let key = byName[name] else {
      preconditionFailure("SettingKey.all has no \(name.rawValue)")
    }
    return key
  }

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
}

/// The commands that take settings.
enum SettingsCommand: Sendable {
  case serve, listen
}

/// A value before it was checked.
enum GivenValue: Equatable, Sendable {
  case text(String)
  /// An array of the configuration file.
  case list([String])

  /// A single value; nil for a list.
  var single: String? {
    if case .text(let text) = self { text } else { nil }
  }

  /// For an error message: short, and harmless on a terminal.
  var shown: String {
    let text =
      switch self {
      case .text(let text): text
      case .list(let items): "[" + items.joined(separator: ", ") + "]"
      }
    if text.isEmpty { return "nothing" }
    let cut = text.count > 60 ? text.prefix(60) + "…" : text[...]
    let isPlain = cut.allSatisfy { $0.isLetter || $0.isNumber || ".:+-_/%,[]…".contains($0) }
    return isPlain ? String(cut) : "\"\(String(cut).withoutControlCharacters)\""
  }
}

extension SettingKey {
  /// A whole number.
  static func number(
    _ name: SettingName, _ path: any WritableKeyPath<Settings, Int> & Sendable,
    _ range: ClosedRange<Int>, for commands: Set<SettingsCommand>, valueName: String,
    _ help: String
  ) -> SettingKey {
    SettingKey(
      name: name, commands: commands, help: help, valueName: valueName, allowed: range.text,
      defaultText: String(Settings()[keyPath: path]),
      assign: { given, settings in
        guard let number = wholeNumber(given), range.contains(number) else { return false }
        settings[keyPath: path] = number
        return true
      },
      value: { .int(Int64($0[keyPath: path])) }, emptyText: "")
  }

  /// One of a few words.
  static func choice<Value: Equatable & Sendable>(
    _ name: SettingName, _ path: any WritableKeyPath<Settings, Value> & Sendable,
    _ choices: [(word: String, value: Value)], for commands: Set<SettingsCommand>,
    valueName: String, _ help: String
  ) -> SettingKey {
    let word: @Sendable (Settings) -> String = { settings in
      choices.first { $0.value == settings[keyPath: path] }?.word ?? ""
    }
    return SettingKey(
      name: name, commands: commands, help: help, valueName: valueName,
      allowed: alternatives(choices.map(\.word)), defaultText: word(Settings()),
      assign: { given, settings in
        guard let choice = choices.first(where: { $0.word == given.single }) else { return false }
        settings[keyPath: path] = choice.value
        return true
      },
      value: { .string(word($0)) }, emptyText: "")
  }

  /// One of an enumeration's words.
  static func choice<Value: RawRepresentable<String> & CaseIterable & Equatable & Sendable>(
    _ name: SettingName, _ path: any WritableKeyPath<Settings, Value> & Sendable,
    for commands: Set<SettingsCommand>, valueName: String, _ help: String
  ) -> SettingKey {
    choice(
      name, path, Value.allCases.map { ($0.rawValue, $0) }, for: commands, valueName: valueName,
      help)
  }

  /// Anything with a reading and a writing of its own.
  static func special(
    _ name: SettingName, for commands: Set<SettingsCommand>, valueName: String, allowed: String,
    defaultText: String, emptyText: String = "", _ help: String,
    value: @escaping @Sendable (Settings) -> JSONValue,
    assign: @escaping @Sendable (GivenValue, inout Settings) -> Bool
  ) -> SettingKey {
    SettingKey(
      name: name, commands: commands, help: help, valueName: valueName, allowed: allowed,
      defaultText: defaultText, assign: assign, value: value, emptyText: emptyText)
  }

  /// A whole number as people write it: digits, perhaps with a sign.
  static func wholeNumber(_ given: GivenValue) -> Int? { given.single.flatMap { Int($0) } }
}

extension ClosedRange<Int> {
  /// As it is written in help and errors.
  var text: String { "\(lowerBound)–\(upperBound)" }
}

/// "a, b or c".
func alternatives(_ words: [String]) -> String {
  guard let last = words.last, words.count > 1 else { return words.first ?? "" }
  return words.dropLast().joined(separator: ", ") + " or " + last
}
