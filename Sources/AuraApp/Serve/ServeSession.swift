internal import AuraAudio
internal import AuraHost
internal import AuraPipelines
internal import AuraStream
internal import AuraTransport
internal import AuraWeb
internal import Synchronization

/// One run of `serve`: from the settings to the exit code.
///
/// Its thread writes to the screen and waits; everything else happens on others and is left in the
/// mailbox.
final class ServeSession {
  /// How long listeners may take to receive the end of a file.
  private static let drainTime = Duration.seconds(5)
  private static let commandGrace = Duration.milliseconds(300)
  /// How long a command waits until its sound would be captured: then something is wrong that `serve` tells of.
  private static let captureTime = Duration.seconds(5)

  private enum Happening: Sendable {
    case broadcast(Broadcast.Event)
    case picture(isHeld: Bool)
    case key(HostKey)
    case commandEnded(ChildProcess.Exit)
    case privateServerDied(String)
    case warning(String)
  }

  private let settings: Settings
  private let command: [String]
  private let loop: SessionLoop<Happening>
  private let report: ServeReport
  private let start = HostClock.now
  /// Signalled when there is sound to be captured.
  private let isCapturing = WakeUp()
  private var nextCapacityCheck = 50
  private var toldShortfalls: Set<HostCapacity.Shortfall.Kind> = []

  /// How a session ends.
  private struct Ending {
    var status: Int32 = 0
    var drains = false
  }

  init(_ settings: Settings, command: [String]) {
    self.settings = settings
    self.command = command
    loop = SessionLoop(format: settings.logFormat)
    report = ServeReport(loop.output)
  }

  /// Serves until told to stop or until there is nothing more to serve.
  ///
  /// - Returns: the exit code.
  func run() throws -> Int32 {
    SignalWakeUp.install()
    let openFiles = HostLimits.raiseOpenFiles()
    // Whatever is served: before a private sound server takes the others' place.
    Sound.repair()
    let sound = try soundSource()
    defer { sound.privateServer?.stop() }
    let gate = NetworkGate(isPublic: settings.isPublic)
    let broadcast = try broadcast(of: sound, gate)
    var web: HTTPService?
    let player: ChildProcess?
    do {
      let service = try webService(for: broadcast, gate, openFiles: openFiles)
      web = service
      tellStart(of: broadcast, sound, httpPort: service.port)
      // What it plays first is to be captured.
      if !command.isEmpty, sound.privateServer != nil {
        _ = isCapturing.wait(timeout: Self.captureTime)
      }
      player = SignalWakeUp.received == nil ? try startCommand(sound.privateServer) : nil
    } catch {
      stop(web)
      broadcast.stop()
      throw error
    }
    let picture = holdPicture(with: broadcast)
    let claim = broadcast.outputDevice.map { _ in DeviceClaim(of: broadcast) }
    let keys = startKeys()
    let ending = watch(broadcast)
    keys?.stop()
    claim?.stop()
    picture?.stop()
    _ = player?.terminate(grace: Self.commandGrace)
    stop(web)
    broadcast.stop(draining: ending.drains ? Self.drainTime : .zero)
    report.summary(broadcast.statistics, running: HostClock.now - start)
    return ending.status
  }

  // MARK: Beginning

  private struct SoundSource {
    var source: BroadcastSource
    var backend: SoundBackend?
    var privateServer: PrivateSoundServer?
  }

  private func soundSource() throws -> SoundSource {
    switch settings.source {
    case .file(let path): return SoundSource(source: .file(path: path))
    case .stdin: return SoundSource(source: .stdin(settings.stdinFormat))
    case .tone(let hertz): return SoundSource(source: .tone(hertz: hertz))
    case .system where !holdsPicture:
      return try soundServer { backend, _ in .sound(.defaultOutputMonitor, backend) }
    // A command, too, is to hear from the device how late it is.
    case .system, .output:
      return try soundServer { [settings] backend, isPrivate in
        // In a server that is there for nothing else players need not choose it.
        let device = OutputDevice(
          claiming: settings.broadcastMode(holdsPicture: true) == .film
            ? settings.delayChoice.first : .zero,
          becomesDefault: settings.defaultOutput || isPrivate, isServerOurs: isPrivate)
        return .output(device, backend)
      }
    case .device(let name): return try runningServer(.device(name: name))
    case .program(let name): return try runningServer(.program(name: name))
    }
  }

  /// The sound of a server that runs, or of a private one.
  private func soundServer(
    _ source: (_ backend: SoundBackend, _ isPrivate: Bool) -> BroadcastSource
  ) throws -> SoundSource {
    // A command's sound goes to the listeners and nowhere else: it gets a server of its own.
    if command.isEmpty, let backend = try SoundChoice.backend(settings.backend) {
      // Where its sockets are is known only now, if nobody has said so.
      Sound.repair()
      return SoundSource(source: source(backend, false), backend: backend)
    }
    let mailbox = loop.mailbox
    let server = try PrivateSoundServer.start { mailbox.post(.privateServerDied($0)) }
    // It answers for both; a device tells players more on its own.
    let backend = holdsPicture ? .pipewire : settings.backend ?? .pipewire
    return SoundSource(source: source(backend, true), backend: backend, privateServer: server)
  }

  private func runningServer(_ target: CaptureTarget) throws -> SoundSource {
    guard let backend = try SoundChoice.backend(settings.backend) else {
      throw UserError(
        "No sound server is running, so there is no such device or program. See `auralync devices`."
      )
    }
    Sound.repair()
    return SoundSource(source: .sound(target, backend), backend: backend)
  }

  /// The output that plays along, on the sound server that is captured from or that runs.
  private func alsoPlay(
    _ captured: SoundBackend?
  ) throws -> (outputName: String, backend: SoundBackend)? {
    guard let name = settings.alsoPlay else { return nil }
    guard let backend = try captured ?? SoundChoice.backend(settings.backend) else {
      throw UserError(
        "--also-play \(name) needs a sound server, and none is running. Start PipeWire or PulseAudio."
      )
    }
    return (name, backend)
  }

  private func broadcast(of sound: SoundSource, _ gate: NetworkGate) throws -> Broadcast {
    let mailbox = loop.mailbox
    let profile = settings.opusProfile
    return try Broadcast(
      Broadcast.Configuration(
        source: sound.source, profile: profile,
        original: OriginalServer.Configuration(
          format: format, addresses: settings.bind, port: settings.port,
          queueSize: settings.queueSize, maxClients: settings.maxClients,
          listenBacklog: settings.listenBacklog, mayListen: { gate.mayListen($0) }),
        webRTC: WebRTCServer.Configuration(
          addresses: settings.bind, port: settings.port, maxListeners: settings.maxListeners,
          packetDuration: profile.ptime, typicalPayloadBytes: profile.typicalBytes,
          mayListen: { gate.mayListen($0) }),
        mode: settings.broadcastMode(holdsPicture: holdsPicture), delay: settings.delayChoice,
        alsoPlay: try alsoPlay(sound.backend))
    ) { [isCapturing] event in
      if case .capture(.running) = event { isCapturing.signal() }
      mailbox.post(.broadcast(event))
    }
  }

  private func webService(
    for broadcast: Broadcast, _ gate: NetworkGate, openFiles: Int
  ) throws(HTTPServiceError) -> HTTPService {
    let settings = settings
    // A name that people are sent to is one they may use; an address always is.
    let names = settings.address.map { [$0] } ?? []
    // Without a descriptor a connection cannot even be closed, and accepting it is tried for ever.
    var limits = HTTPService.Limits()
    limits.connections = min(limits.connections, openFiles / 4)
    let configuration = HTTPService.Configuration(
      addresses: settings.bind, port: settings.httpPort, hostName: hostName,
      allowedHosts: settings.allowHost + names.filter { IPAddress($0) == nil },
      allowedOrigins: settings.allowOrigin, limits: limits,
      pageHost: { PageHosts(settings, NetworkInterfaces.current()).list.first },
      mayListen: { gate.mayListen($0) })
    let door = WebDoor(
      broadcast, name: settings.broadcastName, source: settings.source.words(nil))
    return try waitFor { () async throws(HTTPServiceError) in
      try await HTTPService.start(configuration, handler: door)
    }
  }

  private func stop(_ web: HTTPService?) {
    guard let web else { return }
    waitFor { await web.stop() }
  }

  private var format: OriginalFormat {
    OriginalFormat(
      sampleRate: settings.sampleRate, channels: settings.channels, chunkSize: settings.chunkSize)
  }

  private func tellStart(of broadcast: Broadcast, _ sound: SoundSource, httpPort: Int) {
    let interfaces = NetworkInterfaces.current()
    if let server = sound.privateServer {
      report.privateServer(
        runtimeDirectory: server.runtimeDirectory, environment: server.environment,
        hint: server.hint, isForCommand: !command.isEmpty)
    }
    let hosts = PageHosts(settings, interfaces)
    report.started(
      ServeReport.Start(
        source: settings.source, backend: sound.backend, name: settings.broadcastName,
        format: format, profile: settings.opusProfile,
        addresses: hosts.addresses, bound: settings.bind, port: broadcast.port,
        pages: hosts.list.map { PageAddress(host: $0, port: httpPort) },
        networks: settings.isPublic ? nil : interfaces.attached.networks))
    let state = broadcast.presenter.state
    report.presented(state.mode, state.delay, isNews: false)
    let port = broadcast.port
    let mailbox = loop.mailbox
    // Asking the firewall may take seconds; nobody waits for it.
    _ = HostThread(name: "aura-firewall") {
      let doors: [FirewallProbe.Door] = [.tcp(httpPort), .udp(port), .tcp(port)]
      for warning in Firewall.warnings(for: doors) { mailbox.post(.warning(warning)) }
    }
  }

  private func startCommand(_ server: PrivateSoundServer?) throws -> ChildProcess? {
    guard let program = command.first else { return nil }
    var request = ChildProcess.Request(program, Array(command.dropFirst()))
    // It may be a player that reads the keyboard of this terminal.
    request.standardInput = .inherit
    request.hasOwnGroup = false
    request.environment = server?.environmentForPlayers()
    let mailbox = loop.mailbox
    return try ChildProcess.start(request) { mailbox.post(.commandEnded($0)) }
  }

  /// For an mpv that does not ask its output how late it is.
  private func holdPicture(with broadcast: Broadcast) -> PicturePlayer? {
    let mailbox = loop.mailbox
    if settings.mpvSocket != nil, broadcast.outputDevice != nil {
      report.warn("the device tells mpv the delay by itself: --mpv-socket is left out.")
      return nil
    }
    return settings.mpvSocket.map { path in
      PicturePlayer(path: path, delay: { broadcast.heardDelay ?? .zero }) {
        mailbox.post(.picture(isHeld: $0))
      }
    }
  }

  /// Where a person sits at the keyboard, and neither a player that we have started nor the source
  /// reads it.
  private func startKeys() -> TerminalKeys? {
    guard report.isLive, command.isEmpty, settings.source != .stdin,
      TerminalInfo.isTerminal(.input)
    else { return nil }
    report.explainKeys()
    let mailbox = loop.mailbox
    return TerminalKeys { bytes in
      for key in bytes.compactMap(HostKey.init) { mailbox.post(.key(key)) }
    }
  }

  // MARK: Running

  private func watch(_ broadcast: Broadcast) -> Ending {
    loop.run(
      statusEvery: settings.statusEvery, isLive: report.isLive, handle: { handle($0, broadcast) },
      lost: { report.warn("\($0) lines were left out here.") },
      status: { report.status(broadcast.statistics) }) ?? Ending()
  }

  private func handle(_ happening: Happening, _ broadcast: Broadcast) -> Ending? {
    switch happening {
    case .broadcast(.client(let event)): report.client(event)
    case .broadcast(.listener(let event)):
      report.listener(event)
      if case .connected(_, _, let count) = event {
        warnOfCrowd(count)
      } else {
        // Who has gone is not late any more.
        broadcast.tellLateness()
      }
    case .broadcast(.hostOutput(let event)): report.hostOutput(event)
    case .broadcast(.capture(.ended(let reason))) where !capturesFromServer:
      report.sourceEnded(reason)
      return Ending(status: reason.isEmpty ? 0 : 1, drains: true)
    case .broadcast(.capture(let event)): report.captured(event)
    case .broadcast(.presented(let state)):
      report.presented(state.mode, state.delay)
    case .broadcast(.late(let listeners, let most)):
      report.late(listeners, most, broadcast.presenter.state.choice)
    case .picture(let isHeld): report.picture(isHeld: isHeld)
    case .key(let key): press(key, broadcast.presenter)
    case .commandEnded(let exit): return Ending(status: exit.shellCode, drains: true)
    case .privateServerDied(let reason):
      report.warn("the private sound server has ended (\(reason)).")
      return Ending(status: 1)
    case .warning(let text): report.warn(text)
    }
    return nil
  }

  private func press(_ key: HostKey, _ presenter: Presenter) {
    switch key {
    case .film: presenter.change(mode: .film, choice: nil)
    case .live: presenter.change(mode: .live, choice: nil)
    case .later: presenter.move(by: HostKey.step)
    case .sooner: presenter.move(by: .zero - HostKey.step)
    }
  }

  /// What this computer's settings are too small for, each once, when the crowd is there.
  private func warnOfCrowd(_ count: Int) {
    guard count >= nextCapacityCheck else { return }
    nextCapacityCheck = count + max(50, count / 20)
    for shortfall in HostCapacity.current.shortfalls(forListeners: count)
    where toldShortfalls.insert(shortfall.kind).inserted {
      report.warn(shortfall.sentence)
    }
  }

  /// Whether what plays plays for the listeners alone.
  private var holdsPicture: Bool {
    settings.source == .output || !command.isEmpty && settings.source == .system
  }

  private var capturesFromServer: Bool {
    switch settings.source {
    case .system, .output, .program, .device: true
    case .file, .stdin, .tone: false
    }
  }
}
