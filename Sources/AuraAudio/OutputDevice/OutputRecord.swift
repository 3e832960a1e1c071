internal import AuraHost

/// What an output device of ours has changed in a sound server, kept where the next start finds it
/// should this process be killed.
///
/// A directory in the runtime directory holds it; it is locked for as long as we live.
final class OutputRecord: Sendable {
  private static let prefix = "auralync-output"
  private static let fileName = "default"

  /// What is to be undone.
  struct Change: Equatable {
    var backend: SoundBackend
    /// The device's name.
    var device: String
    /// What was the default output before: other devices of ours, each with what was before it, and
    /// last what the host had chosen, nil when that was none. Empty when the device did not become it.
    var formers: [String?]

    init(backend: SoundBackend, device: String, formers: [String?]) {
      self.backend = backend
      self.device = device
      self.formers = formers
    }

    /// A line each: back end, device, whether it became the default, the defaults before.
    init?(_ text: String) {
      var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      // What a last line ends with.
      if lines.count > 4, lines.last == "" { lines.removeLast() }
      guard lines.count >= 4, let backend = SoundBackend(rawValue: lines[0]) else { return nil }
      let formers = lines[3...].map { $0.isEmpty ? nil : $0 }
      self.init(
        backend: backend, device: lines[1], formers: lines[2] == "default" ? formers : [])
    }

    var text: String {
      let lines = formers.isEmpty ? ["", ""] : ["default"] + formers.map { $0 ?? "" }
      return ([backend.rawValue, device] + lines + [""]).joined(separator: "\n")
    }

    /// What is to be the default output again: the first that is there, else what the host had chosen.
    ///
    /// - Parameter outputs: those that are there, by name.
    /// - Returns: nil when none was chosen.
    func choice(among outputs: some Collection<String>) -> String? {
      formers.compactMap(\.self).first { outputs.contains($0) } ?? formers.last.flatMap(\.self)
    }
  }

  private let directory: OwnedDirectory

  /// - Throws: `SoundError` when there is no place for it.
  init(_ change: Change) throws(SoundError) {
    guard let made = Self.makeDirectory() else { throw Self.noPlace }
    directory = made
    guard HostFiles.write(change.text, to: "\(made.path)/\(Self.fileName)") else {
      made.remove()
      throw Self.noPlace
    }
  }

  private static func makeDirectory() -> OwnedDirectory? {
    for parent in OwnedDirectory.parents {
      if let made = OwnedDirectory.make(in: parent, prefix: prefix) { return made }
    }
    return nil
  }

  private static let noPlace = SoundError(
    .failed,
    "An output device needs a few files, and none can be made in /tmp: make room there, or set "
      + "XDG_RUNTIME_DIR.")

  /// Where the device may keep files; they go with the record.
  var path: String { directory.path }

  /// What a device's end is to put back.
  ///
  /// - Parameters:
  ///   - device: the device, which is about to become the default output.
  ///   - name: its name.
  ///   - backend: the server's.
  ///   - chosen: the default output now; nil when none is chosen.
  /// - Returns: as in a change.
  static func formers(
    of device: OutputDevice, named name: String, on backend: SoundBackend, now chosen: String?
  ) -> [String?] {
    let behind = chosen.flatMap { formers(of: $0, on: backend) } ?? []
    // Other programs' devices may have other names in a new server; what the host chose has not.
    let others = ([chosen] + behind).dropLast().filter { $0 != name }
    // PipeWire tells what was chosen, and nothing where nothing was.
    let isChosen = backend == .pipewire && chosen != nil && chosen != name && behind.isEmpty
    return others + [device.keep(former: behind.last ?? chosen, isChosen: isChosen)]
  }

  /// What was before a device of another program of ours; nil when it is none.
  private static func formers(of name: String, on backend: SoundBackend) -> [String?]? {
    let paths = OwnedDirectory.parents.flatMap { OwnedDirectory.all(in: $0, prefix: prefix) }
    let changes = paths.lazy.compactMap { HostFiles.text(of: "\($0)/\(fileName)") }
      .compactMap { Change($0) }
    return changes.first { $0.backend == backend && $0.device == name && !$0.formers.isEmpty }?
      .formers
  }

  /// All is undone.
  func remove() { directory.remove() }

  /// Undoes what killed processes of ours have left in a sound server.
  ///
  /// - Parameters:
  ///   - backend: the server's; other servers' records stay.
  ///   - undo: undoes one change, whose files are at the path; whether that was possible.
  static func repair(_ backend: SoundBackend, undo: (Change, String) -> Bool) {
    for parent in OwnedDirectory.parents {
      for path in OwnedDirectory.leftovers(in: parent, prefix: prefix) {
        let change = HostFiles.text(of: "\(path)/\(fileName)").flatMap { Change($0) }
        if let change {
          guard change.backend == backend, undo(change, path) else { continue }
        }
        HostFiles.removeTree(path)
      }
    }
  }
}
