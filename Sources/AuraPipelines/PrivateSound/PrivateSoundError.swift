/// Why there is no private sound server. The text is one sentence for a person.
package struct PrivateSoundError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Kind: Sendable {
    /// Programs it consists of are not installed.
    case missingPrograms
    /// It did not start, or not in time.
    case failed
  }

  package var kind: Kind
  package var description: String

  init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  /// The programs and the Debian packages they come in.
  static let packages = [
    ("pipewire", "pipewire"), ("wireplumber", "wireplumber"), ("pipewire-pulse", "pipewire-pulse"),
  ]

  static func missing(_ programs: [String]) -> PrivateSoundError {
    let names = packages.filter { programs.contains($0.0) }.map(\.1)
    return PrivateSoundError(
      .missingPrograms,
      "No sound server is running, and one of our own needs "
        + "\(programs.joined(separator: " and ")): install it with `sudo apt install "
        + "\(names.joined(separator: " "))`.")
  }
}
