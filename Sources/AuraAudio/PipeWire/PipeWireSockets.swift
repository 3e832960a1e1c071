internal import CPipeWire
internal import Glibc

/// Looks whether a server that does not answer us is there all the same.
///
/// PipeWire's library tries several sockets and tells only of the last, so a socket that we may
/// not use looks like none; and the server of the user who is logged in is not where root or
/// another user looks for it.
enum PipeWireSockets {
  private static let systemDirectory = "/run/pipewire"
  private static let usersDirectory = "/run/user"
  private static let usualName = "pipewire-0"

  /// Why an existing server is out of reach; nil when there is none.
  static var refusal: SoundError? {
    for path in ours where [EACCES, EPERM].contains(unsafe aura_probe_socket(path)) {
      return SoundError(
        .refused,
        "PipeWire does not let user \(name(of: geteuid())) in (\(path)): run auralync as the "
          + "user who is logged in, without sudo or su.")
    }
    guard looksForUsers, let owner = foreignOwner else { return nil }
    return SoundError(
      .refused,
      "PipeWire runs for user \(name(of: owner)), not for \(name(of: geteuid())): run auralync "
        + "as that user, without sudo or su.")
  }

  /// Where the library looks for a server; a home directory, its last resort, has never any.
  private static var ours: [String] {
    let name = variable("PIPEWIRE_REMOTE") ?? usualName
    if name.hasPrefix("/") { return [name] }
    let directory = variable("PIPEWIRE_RUNTIME_DIR") ?? variable("XDG_RUNTIME_DIR")
    return [directory, systemDirectory].compactMap { $0 }.map { "\($0)/\(name)" }
  }

  /// Whether the place to look at is the usual one; somebody who names another means it.
  private static var looksForUsers: Bool {
    variable("PIPEWIRE_REMOTE") == nil && variable("PIPEWIRE_RUNTIME_DIR") == nil
      && variable("XDG_RUNTIME_DIR")?.hasPrefix(usersDirectory + "/") ?? true
  }

  /// The user who has a server that answers in the usual place of that user's.
  private static var foreignOwner: uid_t? {
    var found = unsafe glob_t()
    defer { unsafe globfree(&found) }
    guard unsafe glob("\(usersDirectory)/*/\(usualName)", 0, nil, &found) == 0 else { return nil }
    for index in 0..<Int(unsafe found.gl_pathc) {
      guard let path = unsafe found.gl_pathv[index] else { continue }
      let directory = unsafe String(cString: path).split(separator: "/").dropLast().last
      if let owner = directory.flatMap({ uid_t($0) }), owner != geteuid(),
        unsafe aura_probe_socket(path) == 0
      {
        return owner
      }
    }
    return nil
  }

  private static func name(of user: uid_t) -> String {
    unsafe getpwuid(user).map { unsafe String(cString: $0.pointee.pw_name) } ?? "\(user)"
  }

  private static func variable(_ name: String) -> String? {
    let value = unsafe getenv(name).map { unsafe String(cString: $0) }
    return value?.isEmpty == false ? value : nil
  }
}
