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
    /// The default output before; nil when none was chosen, or the device did not become it.
    var former: String?
    var becameDefault: Bool

    init(backend: SoundBackend, device: String, former: String?, becameDefault: Bool) {
      self.backend = backend
      self.device = device
      self.former = former
      self.becameDefault = becameDefault
    }

    /// A line each: back end, device, whether it became the default, the default before.
    init?(_ text: String) {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      guard lines.count >= 4, let backend = SoundBackend(rawValue: lines[0]) else { return nil }
      self.init(
        backend: backend, device: lines[1], former: lines[3].isEmpty ? nil : lines[3],
        becameDefault: lines[2] == "default")
    }

    var text: String {
      [backend.rawValue, device, becameDefault ? "default" : "", former ?? "", ""]
        .joined(separator: "\n")
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
