internal import AuraHost
internal import AuraStream
internal import CPipeWire
internal import Synchronization

/// What a stream's callback on the audio thread is given; subclasses add where the sound goes.
///
/// `stream` is set before the callback first runs and cleared when it can no longer run, so the
/// audio thread never sees it change.
@safe class PipeWireCallback: @unchecked Sendable {
  fileprivate(set) final var stream: OpaquePointer?

  init() {}
}

/// One PipeWire stream with its target: made, watched, made again when its device comes back.
///
/// The owner gives the function that runs on the audio thread, and calls `stop` before it lets go
/// of the stream. Everything else happens on the session's loop thread or under its lock.
@safe final class PipeWireStream: @unchecked Sendable {
  /// What the stream is and what it wants to be linked to.
  struct Request: Sendable {
    var direction: spa_direction
    var clientName: String
    var latencyFrames: Int
    var target: Target
  }

  /// What a stream is linked to.
  enum Target: Sendable {
    /// The session manager chooses, and follows the default.
    case standard
    /// A device by name.
    case device(String)
    /// What a program plays, by its name.
    case program(String)
    /// Players, who choose it: the stream is an output of this name itself.
    case players(OutputDevice, name: String)
  }

  /// The block size to ask for where a delay has room for it, in frames: a computer may stand still for 20 ms
  /// then, and need not wake so often.
  static let relaxedBlock = PlayoutConductor.longRequest
  /// And where it has none.
  private static let shortBlock = 256

  /// The block size for a device of ours, in frames.
  static func block(for device: OutputDevice) -> Int {
    device.isRelaxed ? relaxedBlock : shortBlock
  }

  /// How long a stream may be without a device before anybody is told.
  private static let grace = Duration.milliseconds(700)
  /// How long after making the stream it is made again when the session manager gave up on it.
  private static let shortestRetry = Duration.milliseconds(100)
  private static let longestRetry = Duration.seconds(2)

  private let session: PipeWireSession
  private let request: Request
  private let callback: PipeWireCallback
  private let onEvent: @Sendable (StreamEvent) -> Void
  /// Takes an output's monitor instead of an input.
  private let capturesOutput: Bool
  // Two sets, with a context each: ours for the control side, the owner's for the audio thread.
  private let events = UnsafeMutablePointer<pw_stream_events>.allocate(capacity: 2)
  private let hooks = UnsafeMutablePointer<spa_hook>.allocate(capacity: 2)
  private let isStopped = Mutex(false)

  private var stream: OpaquePointer?
  /// The block size to ask for, in frames.
  private var blockFrames: Int
  /// What `stream` is linked to, as the session manager is told.
  private var linkedTo: String?
  private var timer: PipeWireTimer?
  private var told: StreamEvent?
  private var tellsWaitingAt: HostTime?
  private var retriesAt: HostTime?
  private var retry = PipeWireStream.shortestRetry

  /// Makes the stream.
  ///
  /// - Parameters:
  ///   - request: what it is to be.
  ///   - process: runs on the audio thread; its argument is `callback`.
  ///   - callback: kept until the stream is gone.
  ///   - onEvent: called on the loop's thread; it must not call `stop`.
  /// - Throws: `SoundError` when there is no server or no such device.
  init(
    _ request: Request, process: @convention(c) (UnsafeMutableRawPointer?) -> Void,
    callback: PipeWireCallback, onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) {
    let session = try PipeWireSession()
    let graph = session.locked { session.graph }
    self.session = session
    self.request = request
    blockFrames = request.latencyFrames
    self.callback = callback
    self.onEvent = onEvent
    // A name that is both an output and an input is taken as the output.
    capturesOutput =
      switch request.target {
      case .standard: request.direction == SPA_DIRECTION_INPUT
      case .device(let name):
        request.direction == SPA_DIRECTION_INPUT && graph.kinds(named: name).contains(.output)
      case .program, .players: false
      }
    var table = pw_stream_events()
    table.version = UInt32(PW_VERSION_STREAM_EVENTS)
    unsafe events.initialize(repeating: table, count: 2)
    unsafe events[0].state_changed = streamStateChanged
    if case .players = request.target {
      unsafe events[0].param_changed = streamParameterChanged
      unsafe events[0].control_info = streamControlChanged
    }
    unsafe events[1].process = process
    unsafe hooks.initialize(repeating: spa_hook(), count: 2)
    try checkDevice(graph)
    session.locked {
      timer = unsafe session.makeTimer(
        timerFired, context: Unmanaged.passUnretained(self).toOpaque())
      session.onChange = { [weak self] in self?.lookSoon() }
      create()
      lookSoon()
    }
    follow()
  }

  /// A device's claims are sent on as they come.
  private func follow() {
    guard case .players(let device, _) = request.target else { return }
    device.follow { [weak self] delay in
      self?.whileRunning { $0.claim(delay) }
    }
  }

  /// Under the loop's lock, unless the stream was stopped: then there is no loop any more. Not on the
  /// loop's thread.
  private func whileRunning(_ body: (PipeWireStream) -> Void) {
    isStopped.withLock { isStopped in
      if !isStopped { session.locked { body(self) } }
    }
  }

  deinit {
    stop()  // only after a failed init; otherwise the owner has done it
    unsafe events.deallocate()
    unsafe hooks.deallocate()
  }

  /// Ends the stream and the session. Not on the loop's thread. Idempotent.
  func stop() {
    let isFirst = isStopped.withLock { stopped in
      defer { stopped = true }
      return !stopped
    }
    guard isFirst else { return }
    if case .players(let device, _) = request.target { device.follow(nil) }
    session.locked {
      session.onChange = {}
      timer?.destroy()
      timer = nil
      destroy()
    }
    session.stop()
  }

  private func checkDevice(_ graph: PipeWireGraph) throws(SoundError) {
    guard case .device(let name) = request.target, !isThere(name, in: graph) else { return }
    let names = graph.devices.filter { mayUse($0.kind) }.map(\.name)
    let known = names.isEmpty ? "it has none" : "it has \(names.joined(separator: ", "))"
    throw SoundError(
      .noDevice, "PipeWire has no device \(name): \(known); see `auralync devices`.")
  }

  private func mayUse(_ kind: SoundDevice.Kind) -> Bool {
    request.direction == SPA_DIRECTION_INPUT || kind == .output
  }

  private func isThere(_ name: String, in graph: PipeWireGraph) -> Bool {
    graph.kinds(named: name).contains { mayUse($0) }
  }

  // MARK: On the loop's thread or under its lock

  private func create() {
    guard absence == nil, let properties = unsafe pw_properties_new_string("") else { return }
    linkedTo = wantedObject
    for (key, value) in streamProperties { unsafe pw_properties_set(properties, key, value) }
    // The stream owns the properties from here on.
    guard let stream = unsafe pw_stream_new(session.core, request.clientName, properties) else {
      return
    }
    unsafe self.stream = stream
    unsafe callback.stream = stream
    unsafe hooks.update(repeating: spa_hook(), count: 2)
    unsafe pw_stream_add_listener(
      stream, hooks, events, Unmanaged.passUnretained(self).toOpaque())
    unsafe pw_stream_add_listener(
      stream, hooks + 1, events + 1, Unmanaged.passUnretained(callback).toOpaque())
    unsafe aura_pw_stream_connect(stream, request.direction, isDevice)
  }

  /// Asks for blocks of another size, in frames; the smallest that anybody wishes is what all get.
  func ask(blockFrames: Int) { whileRunning { $0.askNow(blockFrames: blockFrames) } }

  private func askNow(blockFrames: Int) {
    self.blockFrames = blockFrames
    guard let stream = unsafe stream else { return }
    unsafe aura_pw_stream_ask(stream, Int32(blockFrames), Int32(MediaTime.rate))
  }

  private var isDevice: Bool { if case .players = request.target { true } else { false } }

  /// What the session manager is to link the stream to; nil when it is to choose, or nothing is there.
  private var wantedObject: String? {
    switch request.target {
    case .standard, .players: nil
    case .device(let name): name
    case .program(let name): session.graph.player(named: name).map { "\($0.serial)" }
    }
  }

  /// Why the stream cannot be at present; nil when it can.
  private var absence: String? {
    switch request.target {
    case .device(let name) where !isThere(name, in: session.graph): "\(name) is gone"
    case .program(let name) where session.graph.player(named: name) == nil:
      "\(name) plays nothing at present"
    default: nil
    }
  }

  private var streamProperties: [String: String] {
    if case .players(_, let name) = request.target { return deviceProperties(name) }
    let isCapture = request.direction == SPA_DIRECTION_INPUT
    var properties = [
      "media.type": "Audio",
      "media.category": isCapture ? "Capture" : "Playback",
      "media.name": isCapture ? "captured sound" : "broadcast",
      "application.name": request.clientName,
      "application.id": "auralync",
      "application.icon-name": isCapture ? "audio-input-microphone" : "audio-headphones",
      "node.name": isCapture ? "auralync-capture" : "auralync-playback",
      "node.description": request.clientName,
      "node.latency": "\(blockFrames)/\(MediaTime.rate)",
      "state.restore-target": "false",
    ]
    if isCapture {
      // What somebody once did to an earlier capture says nothing about this one.
      properties["state.restore-props"] = "false"
      properties["stream.capture.sink"] = capturesOutput ? "true" : "false"
    }
    if let linkedTo {
      properties["target.object"] = linkedTo
      properties["node.dont-reconnect"] = "true"
      properties["node.dont-fallback"] = "true"
    }
    return properties
  }

  private func deviceProperties(_ name: String) -> [String: String] {
    [
      "media.class": "Audio/Sink", "media.type": "Audio", "node.name": name,
      "node.description": name, "node.nick": name, "node.virtual": "true",
      "device.icon-name": "audio-speakers", "device.description": name,
      "application.name": request.clientName, "application.id": "auralync",
      // For all who play into it: the smallest wish counts.
      "node.latency": "\(blockFrames)/\(MediaTime.rate)",
      // Where a choice is to be made, people's own loudspeakers come first.
      "priority.session": "0",
    ]
  }

  /// After it the callback no longer runs. Not inside a callback of the stream's.
  private func destroy() {
    guard let stream = unsafe stream else { return }
    unsafe pw_stream_destroy(stream)
    unsafe self.stream = nil
    unsafe callback.stream = nil
    linkedTo = nil
  }

  /// Tells players the delay: once the format is known, and when it changes.
  private func claim(_ delay: Duration) {
    guard case .players(let device, _) = request.target, let stream = unsafe stream,
      unsafe aura_pw_stream_claim(stream, delay.inNanoseconds) >= 0
    else { return }
    askNow(blockFrames: Self.block(for: device))
    device.didClaim(delay)
  }

  fileprivate func parameterChanged(_ id: UInt32, isSet: Bool) {
    guard id == SPA_PARAM_Format.rawValue, isSet, case .players(let device, _) = request.target
    else { return }
    claim(device.wanted)
  }

  fileprivate func controlChanged(_ id: UInt32, _ values: UnsafeBufferPointer<Float>) {
    guard case .players(let device, _) = request.target, !values.isEmpty else { return }
    var volume = device.volume
    switch id {
    // The keys move all channels alike; whoever moves one alone means balance, not this.
    case SPA_PROP_channelVolumes.rawValue: volume.gain = unsafe values.max() ?? 1
    case SPA_PROP_mute.rawValue: volume.isMuted = unsafe values[0] != 0
    default: return
    }
    device.didChange(volume)
  }

  /// Has `look` called from the loop itself: never inside a callback of the stream's.
  fileprivate func lookSoon() { timer?.set(.zero) }

  /// Looks at everything that is known, mends what can be mended, tells what has changed.
  fileprivate func look() {
    if let reason = session.lostReason {
      tell(.ended(reason: reason))
      return
    }
    if let absence {
      // Gone at once, lest the session manager moves it elsewhere; a change brings us back.
      destroy()
      tell(.waiting(reason: absence))
      return
    }
    if wantedObject != linkedTo { destroy() }
    if let peer {
      tellsWaitingAt = nil
      retriesAt = nil
      retry = Self.shortestRetry
      tell(.running(device: peer))
      return
    }
    let now = HostClock.now
    wait(now)
    mend(now)
    let next = [tellsWaitingAt, retriesAt].compactMap { $0 }.min()
    if let next { timer?.set(next - now + .milliseconds(1)) }
  }

  /// What the stream is linked to while it works; nil while it does not.
  private var peer: String? {
    guard let stream = unsafe stream else { return nil }
    let node = unsafe pw_stream_get_node_id(stream)
    if case .players(_, let name) = request.target {
      // It works as soon as it can be chosen.
      return state != PW_STREAM_STATE_ERROR && session.graph.nodes[node] != nil ? name : nil
    }
    guard state == PW_STREAM_STATE_STREAMING else { return nil }
    return request.direction == SPA_DIRECTION_INPUT
      ? session.graph.source(of: node) : session.graph.destination(of: node)
  }

  private var state: pw_stream_state {
    guard let stream = unsafe stream else { return PW_STREAM_STATE_UNCONNECTED }
    return unsafe pw_stream_get_state(stream, nil)
  }

  /// Makes the stream when its device is back, and again when the session manager gave up on it.
  ///
  /// A session manager that has been restarted may never link a stream that was there before.
  private func mend(_ now: HostTime) {
    guard unsafe stream != nil else {
      create()
      return
    }
    let isBroken = state == PW_STREAM_STATE_ERROR || state == PW_STREAM_STATE_UNCONNECTED
    guard isBroken || (isWaiting && peer == nil && hasDevice) else {
      retriesAt = nil
      return
    }
    guard let due = retriesAt else {
      retriesAt = now + retry
      retry = min(retry * 2, Self.longestRetry)
      return
    }
    guard now >= due else { return }
    retriesAt = nil
    destroy()
    create()
    lookSoon()
  }

  private var isWaiting: Bool {
    if case .waiting = told { true } else { false }
  }

  /// Tells that the stream waits, once it has done so for a while.
  private func wait(_ now: HostTime) {
    if isWaiting { return }
    guard let due = tellsWaitingAt else {
      tellsWaitingAt = now + Self.grace
      return
    }
    guard now >= due else { return }
    tellsWaitingAt = nil
    tell(.waiting(reason: waitingReason))
  }

  private var waitingReason: String {
    hasDevice
      ? "PipeWire has not connected it: is its session manager (wireplumber) running?"
      : "PipeWire has no \(neededKind.rawValue) device"
  }

  /// Whether there is anything that the stream could be linked to.
  private var hasDevice: Bool {
    switch request.target {
    case .program, .players: true
    case .standard, .device: session.graph.devices.contains { $0.kind == neededKind }
    }
  }

  private var neededKind: SoundDevice.Kind {
    request.direction == SPA_DIRECTION_INPUT && !capturesOutput ? .input : .output
  }

  private func tell(_ event: StreamEvent) {
    guard event != told else { return }
    if case .ended = told { return }
    told = event
    onEvent(event)
  }
}

// Plain functions, not closures: PipeWire's loop thread calls them.

private func streamStateChanged(
  _ context: UnsafeMutableRawPointer?, _ old: pw_stream_state, _ new: pw_stream_state,
  _ error: UnsafePointer<CChar>?
) {
  guard let context = unsafe context else { return }
  unsafe Unmanaged<PipeWireStream>.fromOpaque(context).takeUnretainedValue().lookSoon()
}

private func timerFired(_ context: UnsafeMutableRawPointer?, _ expirations: UInt64) {
  guard let context = unsafe context else { return }
  unsafe Unmanaged<PipeWireStream>.fromOpaque(context).takeUnretainedValue().look()
}

private func streamParameterChanged(
  _ context: UnsafeMutableRawPointer?, _ id: UInt32, _ parameter: UnsafePointer<spa_pod>?
) {
  guard let context = unsafe context else { return }
  unsafe Unmanaged<PipeWireStream>.fromOpaque(context).takeUnretainedValue()
    .parameterChanged(id, isSet: parameter != nil)
}

private func streamControlChanged(
  _ context: UnsafeMutableRawPointer?, _ id: UInt32, _ control: UnsafePointer<pw_stream_control>?
) {
  guard let context = unsafe context, let control = unsafe control?.pointee else { return }
  unsafe Unmanaged<PipeWireStream>.fromOpaque(context).takeUnretainedValue()
    .controlChanged(
      id, UnsafeBufferPointer(start: control.values, count: Int(control.n_values)))
}
