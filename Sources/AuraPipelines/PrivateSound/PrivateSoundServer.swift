internal import AuraAudio
internal import AuraHost
internal import AuraStream
internal import Synchronization

/// A sound server of our own, for computers that have none: PipeWire with its session manager and
/// its PulseAudio front, and one output that players find as the default.
///
/// It lives in a directory of its own and ends with us, also when we are killed. Nothing of it is
/// seen by programs that do not have its `environment`.
package final class PrivateSoundServer: Sendable {
  /// The name of its output.
  package static let sinkName = "auralync"

  private static let directoryPrefix = "auralync"
  private static let startTime = Duration.seconds(10)
  private static let grace = Duration.milliseconds(300)

  private let directory: OwnedDirectory
  private let files: PrivateSoundFiles
  private let onDeath: @Sendable (String) -> Void
  private let state = Mutex(State())

  private struct State {
    var children: [(program: String, child: ChildProcess)] = []
    var isStopped = false
    /// What a program's end meant, once one has ended by itself.
    var deathReason: String?
    /// Whether somebody waits for `onDeath`; before that `start` throws.
    var isReady = false
    /// What the variables of this process were before.
    var formerEnvironment: [String: String?]?
  }

  private init(
    directory: OwnedDirectory, onDeath: @escaping @Sendable (String) -> Void
  ) {
    self.directory = directory
    files = PrivateSoundFiles(directory: directory.path)
    self.onDeath = onDeath
  }

  deinit { stop() }

  /// Starts one and waits until its output can be played into: some tenths of a second.
  ///
  /// This process's own environment is changed as `useInThisProcess` does it, until `stop`.
  ///
  /// - Parameter onDeath: called once, on a thread of its own, when one of its programs ends by
  ///   itself; with the reason. The rest of the server is of no use then: stop it.
  /// - Returns: the running server.
  /// - Throws: `PrivateSoundError` when a program is missing or does not do its work in time.
  package static func start(
    onDeath: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(PrivateSoundError) -> PrivateSoundServer {
    if let lack = lack(searchPath: hostEnvironment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin") {
      throw lack
    }
    let server = PrivateSoundServer(directory: try makeDirectory(), onDeath: onDeath)
    do {
      try server.run()
    } catch {
      server.stop()
      throw error
    }
    return server
  }

  /// What is not installed of the programs it consists of; nil when all are there.
  package static func lack(searchPath: String) -> PrivateSoundError? {
    let missing = PrivateSoundError.packages.map(\.0)
      .filter { HostFiles.program($0, searchPath: searchPath) == nil }
    return missing.isEmpty ? nil : .missing(missing)
  }

  private static func makeDirectory() throws(PrivateSoundError) -> OwnedDirectory {
    for parent in OwnedDirectory.parents {
      OwnedDirectory.removeLeftovers(in: parent, prefix: directoryPrefix)
      if let made = OwnedDirectory.make(in: parent, prefix: directoryPrefix) { return made }
    }
    throw PrivateSoundError(
      .failed,
      "A sound server of our own needs a directory, and none can be made in /tmp: make room "
        + "there, or set XDG_RUNTIME_DIR.")
  }

  // MARK: For players

  /// Where its sockets are.
  package var runtimeDirectory: String { directory.path }
  /// The name of its output.
  package var sinkName: String { Self.sinkName }

  /// The variables that lead a player here. XDG_RUNTIME_DIR stays what it is: a player's window
  /// needs it.
  package var environment: [String: String] {
    ["PIPEWIRE_RUNTIME_DIR": directory.path, "PULSE_SERVER": "unix:\(files.pulseSocket)"]
  }

  /// The same for programs of ours: what libpulse leaves behind goes with the directory, too.
  private var ownEnvironment: [String: String] {
    environment.merging([
      "PULSE_COOKIE": "\(directory.path)/cookie", "PULSE_RUNTIME_PATH": "\(directory.path)/pulse",
    ]) { $1 }
  }

  /// Variables that would lead a player astray.
  private static let misleading = [
    "PIPEWIRE_REMOTE", "PIPEWIRE_NODE", "PIPEWIRE_PROPS", "PULSE_SINK", "PULSE_SOURCE",
    "PULSE_RUNTIME_PATH", "PULSE_CLIENTCONFIG",
  ]

  /// The whole environment of a player that is to play here and nowhere else: ours, changed.
  package func environmentForPlayers() -> [String: String] {
    hostEnvironment.filter { !Self.misleading.contains($0.key) }
      .merging(ownEnvironment) { $1 }
  }

  /// What a person types to play into it.
  package var hint: String { "PULSE_SERVER=unix:\(files.pulseSocket) mpv film.mkv" }

  /// Lets the sound systems' libraries find it from this process. Call it while no other thread
  /// connects to a sound server; `start` has done it already. Undone by `stop`.
  package func useInThisProcess() {
    let now = hostEnvironment
    let own = ownEnvironment
    let names = Set(Self.misleading).union(own.keys)
    state.withLock { state in
      guard state.formerEnvironment == nil else { return }
      state.formerEnvironment = Dictionary(uniqueKeysWithValues: names.map { ($0, now[$0]) })
    }
    setHostEnvironment(
      Dictionary(uniqueKeysWithValues: names.map { ($0, own[$0]) }))
  }

  // MARK: Life

  private func run() throws(PrivateSoundError) {
    guard files.write() else {
      throw PrivateSoundError(
        .failed, "\(directory.path) cannot be written to: make room on that disk.")
    }
    let deadline = HostClock.now + Self.startTime
    try begin("pipewire", ["-c", files.coreConfiguration])
    try waitUntil(deadline, "pipewire does not answer") {
      if case .listening = LocalSocket.look(at: files.nativeSocket) { true } else { false }
    }
    // Each connects by itself; together they start sooner.
    try begin("wireplumber", [])
    try begin("pipewire-pulse", ["-c", files.pulseConfiguration])
    useInThisProcess()
    try waitUntil(deadline, "wireplumber does not make the output the default") {
      Self.isDefault(try? PipeWireDevices.list())
    }
    try waitUntil(deadline, "pipewire-pulse does not answer") {
      guard case .listening = LocalSocket.look(at: files.pulseSocket) else { return false }
      return Self.isDefault(try? PulseDevices.list())
    }
    state.withLock { $0.isReady = true }
    // One that ended a moment ago has found nobody to tell.
    if let reason = state.withLock({ $0.deathReason }) { throw PrivateSoundError(.failed, reason) }
  }

  private static func isDefault(_ devices: [SoundDevice]?) -> Bool {
    devices?.contains { $0.name == sinkName && $0.kind == .output && $0.isDefault } ?? false
  }

  private func begin(_ program: String, _ arguments: [String]) throws(PrivateSoundError) {
    var request = ChildProcess.Request(program, arguments)
    request.environment = files.serverEnvironment(from: hostEnvironment)
    request.standardOutput = .null
    request.standardError = .file(files.log(of: program))
    request.takesGroupAlong = true
    do {
      let child = try ChildProcess.start(request) { [weak self] in self?.ended(program, $0) }
      state.withLock { $0.children.append((program, child)) }
    } catch {
      throw PrivateSoundError(.failed, error.description)
    }
  }

  private func waitUntil(
    _ deadline: HostTime, _ failure: String, _ condition: () -> Bool
  ) throws(PrivateSoundError) {
    // Nothing tells when a socket or a default appears; each look costs a connection.
    let pause = WakeUp()
    while !condition() {
      let reason = state.withLock { $0.deathReason }
      guard reason == nil, HostClock.now < deadline else {
        throw PrivateSoundError(
          .failed, "A sound server of our own could not be started: \(reason ?? failure).")
      }
      pause.wait(timeout: .milliseconds(20))
    }
  }

  private func ended(_ program: String, _ exit: ChildProcess.Exit) {
    let lastWords = HostFiles.text(of: files.log(of: program))
      .flatMap { log in
        // Warnings, such as of a missing D-Bus, are not what it died of.
        log.split(separator: "\n").last { line in !["W ", "[W"].contains { line.hasPrefix($0) } }
      }
    let how =
      switch exit {
      case .code(let code): "with code \(code)"
      case .signal(let number): "by signal \(number)"
      }
    let reason = "\(program) has ended \(how)" + (lastWords.map { ": \($0)" } ?? "")
    let tells = state.withLock { state in
      guard !state.isStopped, state.deathReason == nil else { return false }
      state.deathReason = reason
      return state.isReady
    }
    if tells { onDeath(reason) }
  }

  /// Ends it and removes every trace; at most a good half of a second. Idempotent.
  package func stop() {
    let (children, former) = state.withLock { state in
      defer {
        state.isStopped = true
        state.children = []
        state.formerEnvironment = nil
      }
      return (state.isStopped ? [] : state.children.map(\.child), state.formerEnvironment)
    }
    children.forEach { $0.requestEnd() }
    children.forEach { $0.terminate(grace: Self.grace) }
    if let former { setHostEnvironment(former) }
    directory.remove()
  }
}
