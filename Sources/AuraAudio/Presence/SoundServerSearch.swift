internal import AuraHost

/// Looks for the sockets of sound servers where their libraries look, and where they do not.
struct SoundServerSearch {
  private typealias Status = SoundServerPresence.Status
  private let surroundings: SoundServerPresence.Surroundings

  init(_ surroundings: SoundServerPresence.Surroundings) {
    self.surroundings = surroundings
  }

  /// What differs between the two servers.
  private struct Server {
    var name: String
    /// Its socket in a runtime directory.
    var socket: String
    /// Its socket for all users, in the system's directory.
    var systemSocket: String
  }

  private static let pipeWire = Server(
    name: "PipeWire", socket: "pipewire-0", systemSocket: "pipewire/pipewire-0")
  private static let pulse = Server(
    name: "PulseAudio", socket: "pulse/native", systemSocket: "pulse/native")

  /// What a look at some sockets has brought.
  private enum Finding: Equatable {
    case listening(path: String, processID: Int32)
    case forbidden(path: String)
    case nothing
  }

  var presence: SoundServerPresence {
    var presence = SoundServerPresence(pipeWire: .absent, pulse: .absent)
    let native = status(of: Self.pipeWire, named: namedPipeWire)
    let front = status(of: Self.pulse, named: namedPulse)
    presence.pipeWire = native.status
    presence.pulse = front.status
    presence.isPulseItself = isPulseItself(front.processID)
    if native.needsRuntimeDirectory || front.needsRuntimeDirectory {
      presence.environment["XDG_RUNTIME_DIR"] = usualDirectory
    }
    return presence
  }

  private func variable(_ name: String) -> String? {
    surroundings.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  private var usualDirectory: String { "\(surroundings.usersDirectory)/\(surroundings.userID)" }

  // MARK: Where a server is

  /// What variables of a server's own say.
  private enum Named {
    /// Nothing: it is looked for in XDG_RUNTIME_DIR.
    case nowhere
    case sockets([String])
    /// A directory, named by this variable, and the socket in it.
    case directory(String, variable: String, socket: String)
    /// Another computer, or something else that cannot be seen from here.
    case elsewhere
  }

  private var namedPipeWire: Named {
    let name = variable("PIPEWIRE_REMOTE") ?? Self.pipeWire.socket
    if name.hasPrefix("/") { return .sockets([name]) }
    if let directory = variable("PIPEWIRE_RUNTIME_DIR") {
      return .directory(directory, variable: "PIPEWIRE_RUNTIME_DIR", socket: name)
    }
    if name == Self.pipeWire.socket { return .nowhere }
    return variable("XDG_RUNTIME_DIR").map { .sockets(["\($0)/\(name)"]) } ?? .sockets([])
  }

  private var namedPulse: Named {
    if let servers = variable("PULSE_SERVER") {
      let paths = servers.split(separator: " ").map { server -> String? in
        // A server may be meant for one computer only: {its name}unix:/path.
        let place = server.hasPrefix("{") ? server.drop { $0 != "}" }.dropFirst() : server
        if place.hasPrefix("unix:") { return String(place.dropFirst(5)) }
        return place.hasPrefix("/") ? String(place) : nil
      }
      return paths.contains(nil) ? .elsewhere : .sockets(paths.compactMap { $0 })
    }
    if let directory = variable("PULSE_RUNTIME_PATH") {
      return .directory(directory, variable: "PULSE_RUNTIME_PATH", socket: "native")
    }
    return .nowhere
  }

  private func status(
    of server: Server, named: Named
  ) -> (status: Status, processID: Int32, needsRuntimeDirectory: Bool) {
    let finding: Finding
    switch named {
    case .elsewhere: return (.available, -1, false)
    case .sockets(let paths): finding = look(at: paths)
    case .directory(let directory, let variable, let socket):
      finding = look(at: ["\(directory)/\(socket)"])
      if finding == .nothing,
        let why = wrongDirectory(directory, variable: variable, server)
      {
        return (.refused(why: why), -1, false)
      }
    case .nowhere: return usualStatus(of: server)
    }
    return (status(of: finding, server), processID(of: finding), false)
  }

  /// With no variable of its own it is in the user's runtime directory, or there for everybody.
  private func usualStatus(
    of server: Server
  ) -> (status: Status, processID: Int32, needsRuntimeDirectory: Bool) {
    let directory = variable("XDG_RUNTIME_DIR")
    let isStrange = directory.map { isForeign($0) } ?? false
    var paths = [directory ?? usualDirectory].map { "\($0)/\(server.socket)" }
    paths.append("\(surroundings.systemDirectory)/\(server.systemSocket)")
    let finding = look(at: isStrange ? Array(paths.dropFirst()) : paths)
    if case .listening(let path, let processID) = finding {
      return (.available, processID, directory == nil && path == paths[0])
    }
    if let directory, let why = wrongDirectory(directory, variable: "XDG_RUNTIME_DIR", server) {
      return (.refused(why: why), -1, false)
    }
    if case .forbidden = finding { return (status(of: finding, server), -1, false) }
    // Somebody who names a directory of their own means it: no look at the neighbours'.
    let meansIt = directory.map { $0 != usualDirectory && !isStrange } ?? false
    if !meansIt, let owner = neighbour(with: server) {
      return (.refused(why: sentence(aboutServerOf: owner)), -1, false)
    }
    return (.absent, -1, false)
  }

  private func status(of finding: Finding, _ server: Server) -> Status {
    switch finding {
    case .listening: .available
    case .nothing: .absent
    case .forbidden(let path):
      .refused(
        why: "\(server.name) does not let user \(surroundings.nameOfUser(surroundings.userID)) in "
          + "(\(path)): run auralync as the user who is logged in, without sudo or su.")
    }
  }

  private func processID(of finding: Finding) -> Int32 {
    if case .listening(_, let processID) = finding { processID } else { -1 }
  }

  /// The first that answers; else one that is there and closed to us.
  private func look(at paths: [String]) -> Finding {
    var forbidden: String?
    for path in paths {
      switch LocalSocket.look(at: path) {
      case .listening(let processID): return .listening(path: path, processID: processID)
      case .forbidden: forbidden = forbidden ?? path
      case .missing, .stale: continue
      }
    }
    return forbidden.map { .forbidden(path: $0) } ?? .nothing
  }

  // MARK: Servers that are there, but not where one looks

  /// Whether a directory is not there, or another user's.
  private func isForeign(_ directory: String) -> Bool {
    HostFiles.ownerOfDirectory(directory, followingLinks: true) != surroundings.userID
  }

  /// Why a directory is the wrong one, when another one has the server; nil when it is right or
  /// nothing is lost.
  private func wrongDirectory(
    _ directory: String, variable: String, _ server: Server
  ) -> String? {
    guard isForeign(directory) else { return nil }
    let owner = HostFiles.ownerOfDirectory(directory, followingLinks: true)
    let what = owner.map { "belongs to user \(surroundings.nameOfUser($0))" } ?? "does not exist"
    if case .listening = look(at: ["\(usualDirectory)/\(server.socket)"]) {
      let remedy =
        variable == "XDG_RUNTIME_DIR"
        ? "run `export XDG_RUNTIME_DIR=\(usualDirectory)` first"
        : "run `unset \(variable)` first"
      return "\(variable) is \(directory), which \(what), but \(server.name) runs in "
        + "\(usualDirectory): \(remedy)."
    }
    guard let owner else { return nil }
    switch look(at: ["\(directory)/\(server.socket)"]) {
    case .nothing: return nil
    case .listening: return sentence(aboutServerOf: owner)
    case .forbidden:
      // There may be a server or not: that is not for us to see.
      return "\(variable) is \(directory), which \(what): run auralync as that user, or "
        + "run `unset \(variable)` first."
    }
  }

  /// A person who has this server running; system users, such as that of the login screen, do not
  /// count. Only root can see.
  private func neighbour(with server: Server) -> UInt32? {
    HostFiles.names(in: surroundings.usersDirectory).compactMap { UInt32($0) }.sorted()
      .first { user in
        guard user != surroundings.userID, user == 0 || user >= 1000 else { return false }
        let path = "\(surroundings.usersDirectory)/\(user)/\(server.socket)"
        if case .listening = LocalSocket.look(at: path) { return true }
        return false
      }
  }

  private func sentence(aboutServerOf owner: UInt32) -> String {
    let name = surroundings.nameOfUser(owner)
    let us =
      surroundings.userID == 0
      ? "you are root" : "you are \(surroundings.nameOfUser(surroundings.userID))"
    let how = owner == 0 ? "run auralync as root" : "run auralync as \(name), without sudo or su"
    return "A sound server of user \(name) is running, and \(us): \(how)."
  }

  // MARK: PulseAudio or PipeWire's front

  /// With systemd the socket is systemd's, whichever server it is kept for: then it is PulseAudio
  /// when that runs for this user.
  private func isPulseItself(_ processID: Int32) -> Bool {
    guard processID > 0, let server = ProcessTable.entry(processID) else { return false }
    guard server.name == "systemd" else { return server.name == "pulseaudio" }
    return ProcessTable.all.contains { entry in
      entry.name == "pulseaudio"
        && HostFiles.ownerOfDirectory("/proc/\(entry.processID)") == surroundings.userID
    }
  }
}
