import AuraAudio
import AuraHost
import AuraPipelines
import AuraStream
@unsafe @preconcurrency import Glibc
import Synchronization
import Testing

/// Real servers, started and stopped. They change this process's environment, so one at a time.
@Suite(.serialized) struct PrivateSoundServerTests {
  @Test func soundPlayedIntoItComesOutAndNothingRemains() throws {
    let before = hostEnvironment["PIPEWIRE_RUNTIME_DIR"]
    let server = try start()
    defer { server.stop() }
    let directory = server.runtimeDirectory
    #expect(HostFiles.ownerOfDirectory(directory) == getuid())
    #expect(server.hint.contains("PULSE_SERVER=\(server.environment["PULSE_SERVER"] ?? "?") "))
    let tone = "\(directory)/tone.wav"
    try writeTone(to: tone)
    // Both fronts, and without a word about which output: it is the default.
    for player in [["paplay", tone], ["pw-cat", "-p", tone]] {
      #expect(try loudness(of: server, whilePlaying: player) > 8000, "\(player)")
    }
    // What other tests start meanwhile inherits our environment; this variable only the three get.
    let parts: Set = ["pipewire", "wireplumber", "pipewire-pulse"]
    let children = ProcessTable.descendants(of: getpid()).filter { child in
      parts.contains(child.name)
        && HostFiles.text(of: "/proc/\(child.processID)/environ")?
          .contains("XDG_RUNTIME_DIR=\(directory)") == true
    }
    #expect(children.count == 3)
    let stopping = HostClock.now
    server.stop()
    #expect(HostClock.now - stopping < .seconds(10))
    #expect(HostFiles.ownerOfDirectory(directory) == nil)
    for child in children {
      #expect(ProcessTable.entry(child.processID) == nil, "\(child.name) lives on")
    }
    #expect(hostEnvironment["PIPEWIRE_RUNTIME_DIR"] == before)
    server.stop()
  }

  @Test func theDeathOfAPartIsTold() throws {
    let told = Mutex<[String]>([])
    let wakeUp = WakeUp()
    let server = try start { reason in
      told.withLock { $0.append(reason) }
      wakeUp.signal()
    }
    defer { server.stop() }
    let policy = ProcessTable.descendants(of: getpid()).first { child in
      child.name == "wireplumber"
        && HostFiles.text(of: "/proc/\(child.processID)/environ")?
          .contains(server.runtimeDirectory) == true
    }
    kill(try #require(policy).processID, SIGKILL)
    #expect(wakeUp.wait(timeout: .seconds(30)))
    #expect(told.withLock { $0 } == ["wireplumber has ended by signal 9"])
    server.stop()
    #expect(told.withLock { $0.count } == 1, "stopping it is no death")
  }

  @Test func leftoversOfTheDeadAreRemoved() throws {
    let server = try start()
    defer { server.stop() }
    let parent = server.runtimeDirectory.split(separator: "/").dropLast()
      .reduce("") { "\($0)/\($1)" }
    let leftover = "\(parent)/auralync-\(Int32.max)-0"
    #expect(HostFiles.makeDirectory(leftover))
    let other = try start()
    #expect(HostFiles.ownerOfDirectory(leftover) == nil)
    #expect(HostFiles.ownerOfDirectory(server.runtimeDirectory) != nil, "ours is not left")
    #expect(other.runtimeDirectory != server.runtimeDirectory)
    other.stop()
  }

  @Test func missingProgramsAreNamedWithTheirPackages() throws {
    let error = try #require(PrivateSoundServer.lack(searchPath: "/nowhere"))
    #expect(error.kind == .missingPrograms)
    #expect(
      error.description.contains("sudo apt install pipewire wireplumber pipewire-pulse"))
    #expect(PrivateSoundServer.lack(searchPath: hostEnvironment["PATH"] ?? "") == nil)
  }

  @Test func playersGoNowhereElse() throws {
    setHostEnvironment(["PULSE_SINK": "elsewhere"])
    defer { setHostEnvironment(["PULSE_SINK": nil]) }
    let server = try start()
    defer { server.stop() }
    let environment = server.environmentForPlayers()
    #expect(environment["PULSE_SINK"] == nil)
    #expect(environment["PATH"] == hostEnvironment["PATH"])
    #expect(environment["XDG_RUNTIME_DIR"] == hostEnvironment["XDG_RUNTIME_DIR"])
    #expect(environment.merging(server.environment) { $1 } == environment)
    server.stop()
    #expect(hostEnvironment["PULSE_SINK"] == "elsewhere")
  }

  private func start(
    onDeath: @escaping @Sendable (String) -> Void = { _ in }
  ) throws -> PrivateSoundServer {
    let server = try PrivateSoundServer.start(onDeath: onDeath)
    // PipeWire's log makes standard error line-buffered; characters then come out in pieces,
    // and `swift test` loses the lines they are in.
    unsafe setvbuf(stderr, nil, _IONBF, 0)
    return server
  }

  // MARK: Sound

  /// The loudest sample that the output's monitor gives while a player plays to its end.
  private func loudness(
    of server: PrivateSoundServer, whilePlaying player: [String]
  ) throws -> Int {
    let take = "\(server.runtimeDirectory)/take.raw"
    var recorder = ChildProcess.Request(
      "parec",
      ["--device=\(server.sinkName).monitor", "--raw", "--format=s16le", "--latency-msec=20"])
    recorder.environment = server.environmentForPlayers()
    recorder.standardOutput = .file(take)
    recorder.standardError = .null
    let recording = try ChildProcess.start(recorder)
    defer { recording.terminate(grace: .seconds(1)) }
    try #require(eventually { !bytes(of: take).isEmpty }, "nothing is recorded")
    var request = ChildProcess.Request(player[0], Array(player.dropFirst()))
    request.environment = server.environmentForPlayers()
    request.standardOutput = .null
    request.standardError = .null
    let playing = try ChildProcess.start(request)
    defer { playing.terminate(grace: .zero) }
    try #require(playing.wait(timeout: .seconds(10)) == .code(0), "the player fails")
    // What was played last may still be on its way.
    _ = eventually { loudest(bytes(of: take)) > 8000 }
    return loudest(bytes(of: take))
  }

  private func loudest(_ bytes: [UInt8]) -> Int {
    stride(from: 0, to: bytes.count - 1, by: 2)
      .map { abs(Int(Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8))) }
      .max() ?? 0
  }

  private func bytes(of path: String) -> [UInt8] {
    let file = unsafe open(path, O_RDONLY)
    guard file >= 0 else { return [] }
    defer { close(file) }
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe read(file, &buffer, buffer.count)
      guard count > 0 else { return all }
      all += buffer[..<count]
    }
  }

  /// Half a second of a square wave of 440 Hz or so, 48 kHz stereo.
  private func writeTone(to path: String) throws {
    let frames = 24_000
    let samples = (0..<frames).flatMap { frame -> [UInt8] in
      let value = UInt16(bitPattern: frame / 54 % 2 == 0 ? 12_000 : -12_000)
      let sample = [UInt8(value & 0xff), UInt8(value >> 8)]
      return sample + sample
    }
    let number = { (value: Int) in (0..<4).map { UInt8(value >> (8 * $0) & 0xff) } }
    var file: [UInt8] = Array("RIFF".utf8) + number(36 + samples.count) + Array("WAVEfmt ".utf8)
    file += number(16) + [1, 0, 2, 0] + number(48_000) + number(192_000) + [4, 0, 16, 0]
    file += Array("data".utf8) + number(samples.count) + samples
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(descriptor) }
    try #require(unsafe write(descriptor, file, file.count) == file.count)
  }

  private func eventually(_ condition: () -> Bool) -> Bool {
    let deadline = HostClock.now + .seconds(5)
    while !condition() {
      guard HostClock.now < deadline else { return false }
      usleep(20_000)
    }
    return true
  }
}
