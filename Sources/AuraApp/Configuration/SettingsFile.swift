internal import Glibc
internal import TOMLKit

/// Reads the settings of a configuration file.
enum SettingsFile {
  /// More than anybody writes by hand.
  static let maximumBytes = 1 << 20

  /// The file that is read when none is named: `config.toml` in our folder of the user's
  /// configuration folder; nil when the environment names no such folder.
  static func defaultPath(environment: [String: String]) -> String? {
    // The XDG specification: a relative path is to be ignored.
    if let folder = environment["XDG_CONFIG_HOME"], folder.hasPrefix("/") {
      return "\(folder)/auralync/config.toml"
    }
    guard let home = environment["HOME"], !home.isEmpty else { return nil }
    return "\(home)/.config/auralync/config.toml"
  }

  /// What the file gives.
  ///
  /// - Parameters:
  ///   - path: the file, also for errors and origins.
  ///   - mustExist: whether a missing file is an error.
  /// - Returns: nil when there is no such file and there need not be.
  /// - Throws: one sentence naming the file, the line and what is wrong there.
  static func layer(path: String, mustExist: Bool) throws(UserError) -> SettingsLayer? {
    let bytes: [UInt8]
    do {
      bytes = try readFile(path, atMost: maximumBytes)
    } catch {
      if !mustExist && error.isMissing { return nil }
      throw UserError(
        "cannot read \(path): \(error.reason). Name a readable configuration file with --config.",
        exitCode: UserError.usage)
    }
    return try layer(document: try text(of: bytes, path: path), path: path)
  }

  /// What a document gives. `path` is for errors and origins.
  static func layer(document: String, path: String) throws(UserError) -> SettingsLayer {
    let table = try parse(document, path: path)
    var layer = SettingsLayer()
    for key in TOMLKeyScanner.keys(of: document) {
      let name = try name(of: key, path: path)
      guard let value = table[name.rawValue] else { continue }
      layer.give(
        name, given(value.tomlValue), origin: .file(path: path, line: key.line))
    }
    return layer
  }

  private static func text(of bytes: [UInt8], path: String) throws(UserError) -> String {
    if isText(bytes) { return String(decoding: bytes, as: UTF8.self) }
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let line = (lines.firstIndex { !isText($0) } ?? 0) + 1
    throw UserError(
      "\(path):\(line): this is not UTF-8 text. Save the file as UTF-8.", exitCode: UserError.usage)
  }

  private static func isText(_ bytes: some Collection<UInt8>) -> Bool {
    !bytes.contains(0) && String(validating: bytes, as: UTF8.self) != nil
  }

  private static func parse(_ document: String, path: String) throws(UserError) -> TOMLTable {
    do {
      return try TOMLTable(string: document)
    } catch let error as TOMLParseError {
      let lines = error.description.split(whereSeparator: \.isNewline)
      let reason = String(lines.first ?? "this is not TOML").withoutControlCharacters
      throw UserError(
        "\(path):\(error.source.begin.line): \(reason). Correct this line; it must be TOML.",
        exitCode: UserError.usage)
    } catch {
      throw UserError("\(path): \(error). Correct it; it must be TOML.", exitCode: UserError.usage)
    }
  }

  private static func name(of key: TOMLKey, path: String) throws(UserError) -> SettingName {
    let place = "\(path):\(key.line)"
    if key.isSection {
      throw UserError(
        "\(place): unknown section [\(key.text.withoutControlCharacters)]. Settings stand in no "
          + "section: remove this line.",
        exitCode: UserError.usage)
    }
    if key.path.count == 1, let name = SettingName(rawValue: key.text) { return name }
    let hint =
      SettingName.nearest(to: key.text).map { "Did you mean \"\($0.rawValue)\"?" }
      ?? "\"auralync config\" lists every key."
    throw UserError(
      "\(place): unknown key \"\(key.text.withoutControlCharacters)\". \(hint)",
      exitCode: UserError.usage)
  }

  /// A value in the form everything else is given in.
  private static func given(_ value: TOMLValue) -> GivenValue {
    if let array = value.array { return .list(array.map { plainText($0.tomlValue) }) }
    return .text(plainText(value))
  }

  private static func plainText(_ value: TOMLValue) -> String {
    if let text = value.string { return text }
    if let number = value.int { return String(number) }
    if let truth = value.bool { return String(truth) }
    return value.debugDescription
  }
}

/// Why a file could not be read.
struct FileError: Error {
  var code: Int32
  /// The system's words for it.
  var reason: String

  /// Whether there is simply no such file.
  var isMissing: Bool { code == ENOENT || code == ENOTDIR }

  init(code: Int32) {
    self.code = code
    reason = unsafe String(cString: strerror(code))
  }

  init(reason: String) {
    code = 0
    self.reason = reason
  }
}

/// Reads a file whole.
func readFile(_ path: String, atMost limit: Int) throws(FileError) -> [UInt8] {
  let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { throw FileError(code: errno) }
  defer { close(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = unsafe read(file, &buffer, buffer.count)
    if count == 0 { return bytes }
    if count > 0 {
      bytes += buffer[..<count]
      if bytes.count > limit { throw FileError(reason: "it is larger than \(limit) bytes") }
    } else if errno != EINTR {
      throw FileError(code: errno)
    }
  }
}
