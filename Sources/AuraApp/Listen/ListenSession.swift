internal import AuraAudio
internal import AuraHost
internal import AuraListener
internal import AuraPipelines
internal import AuraStream

/// One run of `listen`: from the settings to the exit code.
final class ListenSession {
  private enum Happening: Sendable {
    case listener(BroadcastListener.Event)
    case key(ListenKey)
  }

  private let settings: Settings
  private let plan: ListenPlan
  private let loop: SessionLoop<Happening>
  private let report: ListenReport
  private let start = HostClock.now
  private var keys: TerminalKeys?
  /// What keys have said of outputs, in milliseconds.
  private var pressed: [String: Int] = [:]
  private var isLocal = false
  private var hasRemembered = false
  private var outputDevice: String?
  private var hasWarned = false
  private var hasWarnedOfDelay = false
  private var hasWarnedOfMemory = false
  private var hasWarnedOfCodec = false

  init(_ settings: Settings, plan: ListenPlan) {
    self.settings = settings
    self.plan = plan
    loop = SessionLoop(format: settings.logFormat)
    report = ListenReport(loop.output, plan: plan, showsTable: settings.stats)
  }

  /// Listens until told to stop, or until there is no sense in going on.
  func run() throws {
    SignalWakeUp.install()
    let backend = try soundServer()
    Sound.repair()
    let mailbox = loop.mailbox
    var options = settings.listenOptions(backend.map(BroadcastListener.SoundServer.init))
    options.headphone = offset(of: settings.output)
    let listener = try BroadcastListener(plan.target, options) { mailbox.post(.listener($0)) }
    let failure = watch(listener, backend)
    // Whatever hangs below, the terminal is as it was.
    keys?.stop()
    let numbers = listener.details
    // First of all: a second Ctrl-C must find nothing unwritten.
    let recorded = listener.leave()
    report.end()
    if let failure { throw UserError(failure) }
    report.summary(numbers, running: HostClock.now - start)
    if let recorded { report.recorded(recorded) }
    if let failure = recorded?.failure {
      throw UserError("\(failure): the recording is not complete.")
    }
  }

  /// - Returns: nil where sound is to be played to nothing.
  private func soundServer() throws(UserError) -> SoundBackend? {
    if settings.output == Settings.nullOutput { return nil }
    if let backend = try SoundChoice.backend(settings.backend) { return backend }
    throw UserError(
      "No sound server is running here, so there is nothing to play to. Start PipeWire or PulseAudio, "
        + "listen on a computer with a desktop, or play to nothing with --output null.")
  }

  /// - Returns: why there is no sense in going on; nil when told to stop.
  private func watch(_ listener: BroadcastListener, _ backend: SoundBackend?) -> String? {
    loop.run(
      statusEvery: settings.statusEvery, isLive: report.isLive,
      handle: { happening in
        switch happening {
        case .listener(.failed(let reason)): return reason
        case .listener(let event): handle(event, listener, backend)
        case .key(let key): press(key, listener)
        }
        return nil
      }, lost: { report.warn("\($0) lines were left out here.") },
      status: { report.status(listener.details, headphone: listener.headphone) })
  }

  private func handle(
    _ event: BroadcastListener.Event, _ listener: BroadcastListener, _ backend: SoundBackend?
  ) {
    switch event {
    case .connecting: report.connecting()
    case .connected(let address, let carrier, let isLocal):
      report.connected(to: address, over: carrier)
      self.isLocal = isLocal
      startKeys(carrier)
      warnOfDelay(carrier)
      warnOfCodec(carrier)
      warnOfFeedback(backend)
    case .disconnected(let reason, let retryIn):
      report.disconnected(reason: reason, retryIn: retryIn)
    case .failed: break
    case .recordingFailed(let reason):
      report.warn("the recording has ended: \(reason).")
    case .playing(let device):
      listener.headphone = offset(of: device)
      remember(device)
      report.playing(to: device, offset: listener.headphone)
      outputDevice = device
      warnOfFeedback(backend)
    case .late(let late): report.late(late)
    case .outputLost(let reason, let isGone):
      report.outputLost(isGone ? "lost" : "waiting", reason)
    }
  }

  /// Each output has its headphone; what an option says counts for every one, until keys say more.
  private func offset(of device: String?) -> Duration {
    let said = device.flatMap { pressed[$0] }
    return .milliseconds(said ?? settings.offset ?? HeadphoneOffsets.own[device] ?? 0)
  }

  /// What stands in a file or the environment comes before what is remembered, the next time too.
  private var remembersKeys: Bool {
    if settings.offset == nil { return true }
    if case .option = settings.origin(of: .offset) { return true }
    return false
  }

  /// Where a person sits at the keyboard, and the offset means something: over WebRTC.
  private func startKeys(_ carrier: BroadcastListener.Carrier) {
    if case .original = carrier { return }
    guard keys == nil, report.isLive, settings.statusEvery != nil, TerminalInfo.isTerminal(.input)
    else { return }
    report.explainKeys(isRemembered: remembersKeys)
    let mailbox = loop.mailbox
    keys = TerminalKeys { bytes in
      for key in bytes.compactMap(ListenKey.init) { mailbox.post(.key(key)) }
    }
  }

  private func press(_ key: ListenKey, _ listener: BroadcastListener) {
    guard let outputDevice else { return }
    let moved = offset(of: outputDevice) + (key == .more ? ListenKey.step : .zero - ListenKey.step)
    let bounds = BeatTaps.offsets
    let value = min(max(Int(moved.inMilliseconds.rounded()), bounds.lowerBound), bounds.upperBound)
    pressed[outputDevice] = value
    listener.headphone = .milliseconds(value)
    if remembersKeys { keep(value, for: outputDevice) }
  }

  /// What an option says is remembered for the first output.
  private func remember(_ device: String) {
    guard let said = settings.offset, case .option = settings.origin(of: .offset), !hasRemembered
    else { return }
    hasRemembered = true
    keep(said, for: device)
  }

  private func keep(_ offset: Int, for device: String) {
    guard !HeadphoneOffsets.remember(offset, for: device), !hasWarnedOfMemory else { return }
    hasWarnedOfMemory = true
    report.warn("the offset of \(device) could not be remembered, and holds this time only.")
  }

  /// The original protocol tells no capture instants.
  private func warnOfDelay(_ carrier: BroadcastListener.Carrier) {
    guard case .original = carrier, case .said(let delay) = settings.delay, !hasWarnedOfDelay
    else { return }
    hasWarnedOfDelay = true
    report.warn(
      "a delay of \(Words.milliseconds(delay)) cannot be held over the original protocol, which does "
        + "not tell when sound was captured. Listen over WHEP, or leave --delay out.")
  }

  private func warnOfCodec(_ carrier: BroadcastListener.Carrier) {
    guard carrier == .opus, settings.codec == .pcm, !hasWarnedOfCodec else { return }
    hasWarnedOfCodec = true
    report.warn("the server has no uncompressed sound to send, so this is Opus.")
  }

  /// A server on this computer most likely captures the default output: what is played there comes
  /// back, again and again.
  private func warnOfFeedback(_ backend: SoundBackend?) {
    guard isLocal, !hasWarned, let outputDevice, let backend,
      let devices = try? Sound.devices(of: backend),
      devices.contains(where: { $0.name == outputDevice && $0.kind == .output && $0.isDefault })
    else { return }
    hasWarned = true
    report.warn(
      "the server is this computer, and \(outputDevice) is what it captures unless told otherwise: "
        + "the sound would go round and round. Choose another --output, or listen elsewhere.")
  }
}

extension BroadcastListener.SoundServer {
  fileprivate init(_ backend: SoundBackend) {
    self =
      switch backend {
      case .pipewire: .pipewire
      case .pulse: .pulse
      }
  }
}
