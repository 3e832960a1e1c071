internal import AuraHost

/// Which sound servers there are for this user, found out without talking to them.
///
/// What counts is who owns the computer's sound: a server that is there but not for us must never
/// be taken for none.
package struct SoundServerPresence: Equatable, Sendable {
  /// What can be said of one sound server.
  package enum Status: Equatable, Sendable {
    case available
    /// Nothing is there, or only what a dead server has left.
    case absent
    /// It is there, but not for us. The text is one sentence for a person, with what to do.
    case refused(why: String)
  }

  /// Which sound server to use.
  package enum Choice: Equatable, Sendable {
    case use(SoundBackend)
    case absent
    case refused(why: String)
  }

  /// Where to look, and as whom.
  package struct Surroundings: Sendable {
    package var environment: [String: String]
    package var userID: UInt32
    /// Where every user who is logged in has a directory named after the user's number.
    package var usersDirectory = "/run/user"
    /// Where servers for all users are, if there are any.
    package var systemDirectory = "/run"
    /// A user's name, for people.
    package var nameOfUser: @Sendable (UInt32) -> String

    package init(
      environment: [String: String], userID: UInt32,
      nameOfUser: @escaping @Sendable (UInt32) -> String = { HostFiles.nameOfUser($0) }
    ) {
      self.environment = environment
      self.userID = userID
      self.nameOfUser = nameOfUser
    }

    /// This process's own.
    package static var own: Surroundings {
      Surroundings(environment: hostEnvironment, userID: HostFiles.ownUserID)
    }
  }

  package var pipeWire: Status
  package var pulse: Status
  /// Whether what answers for PulseAudio is PulseAudio itself rather than PipeWire's front.
  package var isPulseItself: Bool
  /// Variables to set (`setHostEnvironment`) before connecting; empty when all is as it should be.
  package var environment: [String: String]

  package init(
    pipeWire: Status, pulse: Status, isPulseItself: Bool = false,
    environment: [String: String] = [:]
  ) {
    self.pipeWire = pipeWire
    self.pulse = pulse
    self.isPulseItself = isPulseItself
    self.environment = environment
  }

  /// Looks. A few system calls; a connection is opened and closed at most once per socket.
  package static func look(_ surroundings: Surroundings = .own) -> SoundServerPresence {
    SoundServerSearch(surroundings).presence
  }

  /// The server to use.
  ///
  /// - Parameter wanted: nil leaves the choice to us: PipeWire, unless PulseAudio itself runs
  ///   beside it; then that one has the sound and PipeWire only the cameras.
  /// - Returns: a server, `absent` only when there is none at all, or why not.
  package func choose(_ wanted: SoundBackend?) -> Choice {
    switch wanted {
    case .pipewire: choose(.pipewire, pipeWire, other: .pulse, pulse)
    case .pulse: choose(.pulse, pulse, other: .pipewire, pipeWire)
    case nil: chooseFreely()
    }
  }

  private func choose(
    _ backend: SoundBackend, _ status: Status, other: SoundBackend, _ otherStatus: Status
  ) -> Choice {
    switch (status, otherStatus) {
    case (.available, _): .use(backend)
    case (.refused(let why), _): .refused(why: why)
    case (.absent, .available):
      .refused(
        why: "\(backend.displayName) does not run here, but \(other.displayName) does: leave out "
          + "--backend.")
    case (.absent, .refused(let why)): .refused(why: why)
    case (.absent, .absent): .absent
    }
  }

  private func chooseFreely() -> Choice {
    if pulse == .available, isPulseItself { return .use(.pulse) }
    if pipeWire == .available { return .use(.pipewire) }
    if pulse == .available { return .use(.pulse) }
    if case .refused(let why) = pipeWire { return .refused(why: why) }
    if case .refused(let why) = pulse { return .refused(why: why) }
    return .absent
  }
}
