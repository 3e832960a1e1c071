internal import AuraHost
internal import AuraStream

/// What is remembered of the headphones of this computer: a line each, milliseconds and the output's name.
struct HeadphoneOffsets: Equatable {
  private(set) var values: [String: Int]

  /// - Parameter text: of the file; lines that are none are left out.
  init(_ text: String) {
    values = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      guard parts.count == 2, let offset = Int(parts[0]), BeatTaps.offsets.contains(offset) else {
        continue
      }
      values[String(parts[1])] = offset
    }
  }

  // A line holds a name without control characters, so it is sought like that.

  subscript(output: String?) -> Int? { output.flatMap { values[$0.withoutControlCharacters] } }

  /// Zero is nothing to remember.
  mutating func set(_ offset: Int, for output: String) {
    values[output.withoutControlCharacters] = offset == 0 ? nil : offset
  }

  /// As it stands in the file.
  var text: String {
    values.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)\n" }.joined()
  }

  // MARK: The file

  /// The user's; empty where there is none.
  static var own: HeadphoneOffsets {
    let directory = directories(processEnvironment()).last
    return HeadphoneOffsets(directory.flatMap { HostFiles.text(of: file($0)) } ?? "")
  }

  /// - Returns: whether it is in the file.
  static func remember(_ offset: Int, for output: String) -> Bool {
    let directories = directories(processEnvironment())
    guard let last = directories.last else { return false }
    var offsets = own
    offsets.set(offset, for: output)
    for directory in directories { _ = HostFiles.makeDirectory(directory) }
    return HostFiles.write(offsets.text, to: file(last))
  }

  private static func file(_ directory: String) -> String { "\(directory)/headphones" }

  /// Our folder of the user's state folder (XDG base directory specification), after those it lies in.
  private static func directories(_ environment: [String: String]) -> [String] {
    if let folder = environment["XDG_STATE_HOME"], folder.hasPrefix("/") {
      return [folder, "\(folder)/auralync"]
    }
    guard let home = environment["HOME"], !home.isEmpty else { return [] }
    return ["\(home)/.local", "\(home)/.local/state", "\(home)/.local/state/auralync"]
  }
}
