internal import Glibc
internal import Testing

@testable internal import AuraApp

@Suite struct SettingsFileTests {
  private func read(_ document: String) throws -> Settings {
    try settings(SettingsFile.layer(document: document, path: "config.toml"))
  }

  private func expectError(_ message: String, from document: String) {
    #expect(throws: UserError(message, exitCode: 64)) { try read(document) }
  }

  @Test func naturalTypes() throws {
    let settings = try read(
      """
      port = 0x10
      public = true
      bind = ["127.0.0.1", "::1"]  # both
      buffer = 200
      volume = "50"
      source = 'file:C:\\x'
      status-every = 1_000
      """)
    #expect(settings.port == 16)
    #expect(settings.isPublic)
    #expect(settings.bind == ["127.0.0.1", "::1"])
    #expect(settings.buffer == .milliseconds(200))
    #expect(settings.volume == 50)
    #expect(settings.source == .file("C:\\x"))
    #expect(settings.statusEvery == .seconds(1000))
  }

  @Test func wrongTypes() {
    expectError("config.toml:1: volume must be 0–200, not 50.5.", from: "volume = 50.5")
    expectError("config.toml:1: port must be 0–65535, not true.", from: "port = true")
    expectError(
      "config.toml:1: source must be system, output, app:NAME, device:NAME, file:PATH, stdin or "
        + "tone[:HZ] with HZ 20–20000, not \"[a, b]\".", from: "source = ['a', 'b']")
    expectError(
      "config.toml:1: bind must be numeric addresses with commas between them, not [].",
      from: "bind = ['']")
  }

  @Test func unknownKeys() {
    expectError(
      "config.toml:2: unknown key \"qeue-size\". Did you mean \"queue-size\"?",
      from: "port = 1\nqeue-size = 1")
    expectError(
      "config.toml:1: unknown key \"chunk_size\". Did you mean \"chunk-size\"?",
      from: "chunk_size = 64")
    expectError(
      "config.toml:1: unknown key \"colour\". \"auralync config\" lists every key.",
      from: "colour = 'blue'")
    expectError(
      "config.toml:1: unknown key \"port.number\". \"auralync config\" lists every key.",
      from: "port.number = 1")
    expectError(
      "config.toml:3: unknown section [serve]. Settings stand in no section: remove this line.",
      from: "\n\n[serve]\nport = 1")
  }

  @Test func theFirstMistakeIsNamed() {
    expectError(
      "config.toml:2: volume must be 0–200, not 201.", from: "\nvolume = 201\nchannels = 3")
  }

  @Test func whatIsNotTOML() {
    for (document, line) in [("port = 1\nport = 2", 2), ("\n\nport", 3), ("port = \"a\n", 1)] {
      let error = #expect(throws: UserError.self) { try read(document) }
      #expect(error?.exitCode == 64)
      #expect(error?.message.hasPrefix("config.toml:\(line): ") == true, "\(error as Any)")
      #expect(error?.message.contains("\n") == false)
    }
  }

  @Test func linesAfterEverythingThatSpansLines() {
    let document = """
      \u{FEFF}# comment = 1
      output = \"""
      port = 1
      \\" and \\\""" [x]
      ""\"""
      bind = [ # ] "
        "127.0.0.1",  # port = 3
        '::1' ]
      "source" = '''
      device:'a''''  # end
        volume=1\r
      'buffer'\t= { a = "}", b = 2 }
      a . "b.c" = 1
      [[list]]
      port = 4
      """
    let expected: [(String, Int, Bool)] = [
      ("output", 2, false), ("bind", 6, false), ("source", 9, false), ("volume", 11, false),
      ("buffer", 12, false), ("a.b.c", 13, false), ("list", 14, true), ("port", 15, false),
    ]
    let keys = TOMLKeyScanner.keys(of: document)
    #expect(keys.map(\.text) == expected.map(\.0))
    #expect(keys.map(\.line) == expected.map(\.1))
    #expect(keys.map(\.isSection) == expected.map(\.2))
  }

  @Test func scannerEndsOnAnything() {
    let letters = ["\"", "'", "\\", "[", "]", "{", "}", "=", "#", "\n", ".", "a", " "]
    for seed in UInt64(0)..<2000 {
      var state = seed
      let text = (0..<20).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return letters[Int(state >> 33) % letters.count]
      }.joined()
      let keys = TOMLKeyScanner.keys(of: text)
      #expect(keys.allSatisfy { (1...21).contains($0.line) }, "seed \(seed)")
    }
  }

  @Test func filesThatCannotBeRead() throws {
    try withTemporaryFolder { folder in
      let missing = "\(folder)/none.toml"
      #expect(try SettingsFile.layer(path: missing, mustExist: false) == nil)
      expectFileError("cannot read \(missing): No such file or directory.", path: missing)
      expectFileError("cannot read \(folder): Is a directory.", path: folder)

      let binary = "\(folder)/binary"
      try writeFile(binary, Array("port = 1\n".utf8) + [0xFF, 0x0A])
      expectFileError("\(binary):2: this is not UTF-8 text. Save the file as UTF-8.", path: binary)
      try writeFile(binary, Array("port = 1\0".utf8))
      expectFileError("\(binary):1: this is not UTF-8 text.", path: binary)
      try writeFile(binary, [UInt8](repeating: 0x0A, count: SettingsFile.maximumBytes + 1))
      expectFileError("cannot read \(binary): it is larger than", path: binary)
    }
  }

  private func expectFileError(_ beginning: String, path: String) {
    let error = #expect(throws: UserError.self) {
      try SettingsFile.layer(path: path, mustExist: true)
    }
    #expect(error?.exitCode == 64)
    #expect(error?.message.hasPrefix(beginning) == true, "\(error as Any)")
  }

  @Test func defaultPlace() {
    let path = SettingsFile.defaultPath
    #expect(path(["HOME": "/h"]) == "/h/.config/auralync/config.toml")
    #expect(path(["HOME": "/h", "XDG_CONFIG_HOME": "/x"]) == "/x/auralync/config.toml")
    #expect(path(["HOME": "/h", "XDG_CONFIG_HOME": "x"]) == "/h/.config/auralync/config.toml")
    #expect(path([:]) == nil)
  }
}

/// Calls `body` with a new folder, and removes the folder with the files in it.
func withTemporaryFolder(_ body: (String) throws -> Void) throws {
  var template = Array("/tmp/auralync-tests-XXXXXX".utf8CString)
  try #require(unsafe mkdtemp(&template) != nil)
  let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  defer {
    if let list = unsafe opendir(folder) {
      while let entry = unsafe readdir(list) {
        let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) {
          unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        unsafe unlink("\(folder)/\(name)")
      }
      unsafe closedir(list)
    }
    unsafe rmdir(folder)
  }
  try body(folder)
}

/// Writes a file anew.
func writeFile(_ path: String, _ bytes: [UInt8]) throws {
  let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  try #require(file >= 0)
  defer { close(file) }
  #expect(writeAll(bytes, to: file))
}
