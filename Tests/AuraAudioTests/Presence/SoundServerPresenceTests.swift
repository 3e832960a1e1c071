import AuraAudio
import AuraHost
import Glibc
import Testing

/// Sockets in a directory that stands for /run/user; our own user number stands for anna's.
@Suite struct SoundServerPresenceTests {
  private let root = Playground()

  /// Looks as this process's user would, or as another.
  private func look(
    _ environment: [String: String] = [:], as user: UInt32 = getuid()
  ) -> SoundServerPresence {
    var surroundings = SoundServerPresence.Surroundings(environment: environment, userID: user) {
      $0 == 0 ? "root" : $0 == 1000 || $0 == getuid() ? "anna" : "user\($0)"
    }
    surroundings.usersDirectory = root.path
    surroundings.systemDirectory = "\(root.path)/system"
    return SoundServerPresence.look(surroundings)
  }

  private func why(_ status: SoundServerPresence.Status) -> String? {
    if case .refused(let why) = status { why } else { nil }
  }

  private var own: String { "\(root.path)/\(getuid())" }

  @Test func nothingAtAll() {
    let presence = look()
    #expect(presence == SoundServerPresence(pipeWire: .absent, pulse: .absent))
    #expect(presence.choose(nil) == .absent)
    #expect(look(["XDG_RUNTIME_DIR": root.directory("mine")]).choose(.pulse) == .absent)
    #expect(look(["XDG_RUNTIME_DIR": "/nowhere"]).choose(nil) == .absent)
  }

  @Test func inTheRuntimeDirectory() throws {
    let mine = root.directory("mine")
    let native = try root.listen("mine/pipewire-0")
    let presence = look(["XDG_RUNTIME_DIR": mine])
    #expect(presence == SoundServerPresence(pipeWire: .available, pulse: .absent))
    #expect(presence.choose(nil) == .use(.pipewire))
    let front = try root.listen("mine/pulse/native")
    #expect(look(["XDG_RUNTIME_DIR": mine]).choose(.pulse) == .use(.pulse))
    native.close()
    #expect(
      root.eventually {
        look(["XDG_RUNTIME_DIR": mine])
          == SoundServerPresence(pipeWire: .absent, pulse: .available)
      }, "a socket that nobody listens on is no server")
    #expect(look(["XDG_RUNTIME_DIR": mine]).choose(nil) == .use(.pulse))
    front.close()
  }

  @Test func forEverybody() throws {
    let socket = try root.listen("system/pulse/native")
    let presence = look(["XDG_RUNTIME_DIR": root.directory("mine")])
    #expect(presence.pulse == .available && presence.pipeWire == .absent)
    #expect(presence.environment.isEmpty)
    socket.close()
  }

  @Test func variablesOfTheServersOwn() throws {
    let socket = try root.listen("x/socket")
    let native = try root.listen("y/pipewire-0")
    let path = "\(root.path)/x/socket"
    let mine = root.directory("mine")
    let environments: [([String: String], SoundServerPresence.Status, SoundServerPresence.Status)] =
      [
        (["PIPEWIRE_REMOTE": path], .available, .absent),
        (["PIPEWIRE_RUNTIME_DIR": "\(root.path)/y"], .available, .absent),
        (
          ["PIPEWIRE_RUNTIME_DIR": "\(root.path)/x", "PIPEWIRE_REMOTE": "socket"], .available,
          .absent
        ),
        (["PIPEWIRE_REMOTE": "socket", "XDG_RUNTIME_DIR": "\(root.path)/x"], .available, .absent),
        (["PIPEWIRE_REMOTE": "other"], .absent, .absent),
        (["PULSE_SERVER": "unix:\(path)"], .absent, .available),
        (["PULSE_SERVER": path], .absent, .available),
        (["PULSE_SERVER": "{0123}unix:/nowhere unix:\(path)"], .absent, .available),
        (["PULSE_SERVER": "unix:/nowhere"], .absent, .absent),
        (["PULSE_SERVER": "tcp:192.0.2.1:4713"], .absent, .available),
        (["PULSE_SERVER": "stereo.example"], .absent, .available),
        (["PULSE_SERVER": ""], .absent, .absent),
        (["PULSE_RUNTIME_PATH": "\(root.path)/x"], .absent, .absent),
      ]
    for (variables, pipeWire, pulse) in environments {
      let presence = look(["XDG_RUNTIME_DIR": mine].merging(variables) { $1 })
      #expect(presence.pipeWire == pipeWire && presence.pulse == pulse, "\(variables)")
    }
    socket.close()
    native.close()
  }

  @Test func withoutARuntimeDirectoryTheUsualOneIsTaken() throws {
    let socket = try root.listen("\(getuid())/pipewire-0")
    let presence = look()
    #expect(presence.choose(nil) == .use(.pipewire))
    #expect(presence.environment == ["XDG_RUNTIME_DIR": own])
    #expect(look(["XDG_RUNTIME_DIR": own]).environment.isEmpty)
    socket.close()
  }

  @Test func aWrongRuntimeDirectoryIsTold() throws {
    let sockets = [
      try root.listen("\(getuid())/pipewire-0"), try root.listen("\(getuid())/pulse/native"),
    ]
    let presence = look(["XDG_RUNTIME_DIR": "/nowhere"])
    for status in [presence.pipeWire, presence.pulse] {
      let text = why(status) ?? ""
      #expect(text.contains("XDG_RUNTIME_DIR is /nowhere, which does not exist"))
      #expect(text.contains("`export XDG_RUNTIME_DIR=\(own)`"))
    }
    guard case .refused = presence.choose(nil) else {
      Issue.record("it must not be taken for none")
      return
    }
    #expect(
      why(look(["PIPEWIRE_RUNTIME_DIR": "/nowhere"]).pipeWire)?
        .contains("`unset PIPEWIRE_RUNTIME_DIR`") == true)
    // One that is ours and empty is meant.
    #expect(look(["XDG_RUNTIME_DIR": root.directory("mine")]).choose(nil) == .absent)
    sockets.forEach { $0.close() }
  }

  @Test(arguments: ["pipewire-0", "pulse/native"])
  func rootIsToldWhoseServerItIs(_ socket: String) throws {
    let listener = try root.listen("1000/\(socket)")
    let environments = [
      [:], ["XDG_RUNTIME_DIR": root.directory("0")], ["XDG_RUNTIME_DIR": "/nowhere"],
    ]
    for environment in environments {
      // The directory standing for /run/user/0 is ours; so is root's, when we are root.
      guard case .refused(let why) = look(environment, as: 0).choose(nil) else {
        Issue.record("it must not be taken for none: \(environment)")
        continue
      }
      #expect(
        why == "A sound server of user anna is running, and you are root: run auralync as anna, "
          + "without sudo or su.")
    }
    listener.close()
  }

  @Test func anotherUsersRuntimeDirectory() throws {
    // To user 4711 all our directories are another's.
    let listener = try root.listen("\(getuid())/pipewire-0")
    let text = why(look(["XDG_RUNTIME_DIR": own], as: 4711).pipeWire) ?? ""
    #expect(text.contains("A sound server of user"))
    #expect(text.contains("you are user4711: run auralync as"))
    listener.close()
  }

  @Test func theLoginScreenIsNobody() throws {
    let listener = try root.listen("120/pipewire-0")
    #expect(look(as: 0).choose(nil) == .absent)
    listener.close()
  }

  @Test(arguments: [("pulseaudio", SoundBackend.pulse), ("pipewire-pulse", .pipewire)])
  func whoHasTheSound(_ program: String, _ expected: SoundBackend) throws {
    let mine = root.directory("mine")
    let native = try root.listen("mine/pipewire-0")
    let socket = "\(root.directory("mine/pulse"))/native"
    let server = try root.start(program, listeningOn: socket)
    defer { server.terminate(grace: .zero) }
    try #require(
      root.eventually { look(["XDG_RUNTIME_DIR": mine]).pulse == .available },
      "the stand-in does not start")
    let presence = look(["XDG_RUNTIME_DIR": mine])
    #expect(presence.isPulseItself == (expected == .pulse))
    #expect(presence.choose(nil) == .use(expected))
    #expect(presence.choose(.pipewire) == .use(.pipewire))
    native.close()
  }

  @Test func choices() {
    let all: [SoundServerPresence.Status] = [.available, .absent, .refused(why: "x")]
    for pipeWire in all {
      for pulse in all {
        let presence = SoundServerPresence(pipeWire: pipeWire, pulse: pulse)
        let isNone = pipeWire == .absent && pulse == .absent
        #expect((presence.choose(nil) == .absent) == isNone)
        #expect((presence.choose(.pulse) == .absent) == isNone)
        #expect((presence.choose(.pipewire) == .absent) == isNone)
        #expect((presence.choose(.pulse) == .use(.pulse)) == (pulse == .available))
        #expect((presence.choose(nil) == .use(.pipewire)) == (pipeWire == .available))
      }
    }
  }
}
