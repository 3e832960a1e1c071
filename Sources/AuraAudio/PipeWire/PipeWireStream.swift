internal import AuraHost
internal import AuraStream
internal import CPipeWire
internal import Synchronization

/// One PipeWire stream with its target: made, watched, made again when its device comes back.
///
/// The owner gives the function that runs on the audio thread. Everything else happens on the
/// session's loop thread or under its lock.
@safe final class PipeWireStream: @unchecked Sendable {
  /// What the stream is and what it wants to be linked to.
  struct Request: Sendable {
    var direction: spa_direction
    var clientName: String
    var latencyFrames: Int
    /// A device by name; nil lets the session manager choose and follow the default.
    var deviceName: String?
    /// Takes an output's monitor instead of an input.
    var capturesOutput: Bool
  }

  /// How long a stream may be without a device before anybody is told.
  private static let grace: Int32 = 700  // ms

  private let session: PipeWireSession
  private let request: Request
  private let onEvent: @Sendable (StreamEvent) -> Void
  private let setStream: (OpaquePointer?) -> Void
  // Two sets, with a context each: ours for the control side, the owner's for the audio thread.
  private let events = UnsafeMutablePointer<pw_stream_events>.allocate(capacity: 2)
  private let hooks = UnsafeMutablePointer<spa_hook>.allocate(capacity: 2)
  private let callbackContext: UnsafeMutableRawPointer
  private var stream: OpaquePointer?
  private var state = PW_STREAM_STATE_UNCONNECTED
  private var timer: PipeWireSession.Timer?
  private var told: StreamEvent?
  private let isStopped = Mutex(false)

  /// Makes the stream.
  ///
  /// - Parameters:
  ///   - process: runs on the audio thread, with `context`.
  ///   - context: kept by the owner for as long as this object lives.
  ///   - setStream: told of the stream before it runs, and nil after it has ended.
  ///   - onEvent: called on the loop's thread; it must not call `stop`.
  /// - Throws: `SoundError` when there is no server or no such device.
  init(
    _ request: Request, process: @convention(c) (UnsafeMutableRawPointer?) -> Void,
    context: UnsafeMutableRawPointer, setStream: @escaping (OpaquePointer?) -> Void,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) {
    session = try PipeWireSession()
    self.request = request
    self.onEvent = onEvent
    self.setStream = setStream
    unsafe callbackContext = context
    var table = unsafe pw_stream_events()
    unsafe table.version = UInt32(PW_VERSION_STREAM_EVENTS)
    unsafe events.initialize(repeating: table, count: 2)
    unsafe events[0].state_changed = streamStateChanged
    unsafe events[1].process = process
    unsafe hooks.initialize(repeating: spa_hook(), count: 2)
    try checkDevice()
    session.locked {
      let me = unsafe Unmanaged.passUnretained(self).toOpaque()
      timer = unsafe session.makeTimer(graceIsOver, context: me)
      timer?.set(milliseconds: Self.grace)
      session.onChange = { [unowned self] in reconsider() }
      create()
    }
  }

  deinit {
    stop()
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
    session.locked {
      session.onChange = {}
      timer?.destroy()
      destroy()
    }
    session.stop()
  }

  private func checkDevice() throws(SoundError) {
    guard let name = request.deviceName else { return }
    let (isThere, names) = session.locked {
      (deviceIsThere(name), session.graph.devices.filter { mayUse($0.kind) }.map(\.name))
    }
    guard !isThere else { return }
    let known = names.isEmpty ? "it has none" : "it has \(names.joined(separator: ", "))"
    throw SoundError(
      .noDevice, "PipeWire has no device \(name): \(known); see `auralync devices`.")
  }

  private func mayUse(_ kind: SoundDevice.Kind) -> Bool {
    request.direction == SPA_DIRECTION_INPUT || kind == .output
  }

  private func deviceIsThere(_ name: String) -> Bool {
    session.graph.kinds(named: name).contains { mayUse($0) }
  }

  // MARK: On the loop's thread or under its lock

  private func create() {
    guard let properties = unsafe pw_properties_new_string("") else { return }
    for (key, value) in streamProperties { unsafe pw_properties_set(properties, key, value) }
    // The stream owns the properties from here on.
    guard let stream = unsafe pw_stream_new(session.core, request.clientName, properties) else {
      return
    }
    unsafe self.stream = stream
    unsafe setStream(stream)
    let me = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe hooks.update(repeating: spa_hook(), count: 2)
    unsafe pw_stream_add_listener(stream, hooks, events, me)
    unsafe pw_stream_add_listener(stream, hooks + 1, events + 1, callbackContext)
    unsafe aura_pw_stream_connect(stream, request.direction)
  }

  private var streamProperties: [String: String] {
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
      "node.latency": "\(request.latencyFrames)/\(MediaTime.rate)",
    ]
    if isCapture {
      // What somebody once did to an earlier capture says nothing about this one.
      properties["state.restore-props"] = "false"
      properties["stream.capture.sink"] = request.capturesOutput ? "true" : "false"
    }
    properties["state.restore-target"] = "false"
    if let name = request.deviceName {
      properties["target.object"] = name
      properties["node.dont-reconnect"] = "true"
    }
    return properties
  }

  private func destroy() {
    guard let stream = unsafe stream else { return }
    unsafe pw_stream_destroy(stream)
    unsafe self.stream = nil
    unsafe setStream(nil)
    state = PW_STREAM_STATE_UNCONNECTED
  }

  fileprivate func stateChanged(to new: pw_stream_state) {
    state = new
    reconsider()
  }

  /// Looks at everything that is known and tells what has changed.
  private func reconsider() {
    if let reason = session.lostReason {
      tell(.ended(reason: reason))
      return
    }
    if let name = request.deviceName, stream != nil, !deviceIsThere(name) {
      // Never inside the stream's own callback, and never moved to another device meanwhile.
      timer?.set(milliseconds: 1)
    } else if let name = request.deviceName, stream == nil, deviceIsThere(name) {
      create()
    }
    if state == PW_STREAM_STATE_STREAMING, let device = peer {
      tell(.running(device: device))
      timer?.set(milliseconds: 0)
    } else if case .waiting = told {
      return
    } else {
      timer?.set(milliseconds: Self.grace)
    }
  }

  private var peer: String? {
    guard let stream = unsafe stream else { return nil }
    let node = unsafe pw_stream_get_node_id(stream)
    return request.direction == SPA_DIRECTION_INPUT
      ? session.graph.peer(ofInput: node) : session.graph.peer(ofOutput: node)
  }

  fileprivate func checkAfterGrace() {
    guard session.lostReason == nil else { return }
    if let name = request.deviceName, !deviceIsThere(name) {
      destroy()
      tell(.waiting(reason: "\(name) is gone"))
      return
    }
    guard state != PW_STREAM_STATE_STREAMING || peer == nil else { return }
    if state == PW_STREAM_STATE_ERROR || state == PW_STREAM_STATE_UNCONNECTED {
      // The session manager gave up on it: ask again.
      destroy()
      create()
      timer?.set(milliseconds: Self.grace)
    }
    let kind = request.direction == SPA_DIRECTION_INPUT && !request.capturesOutput
    tell(.waiting(reason: "PipeWire has no \(kind ? "input" : "output") for it"))
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
  unsafe Unmanaged<PipeWireStream>.fromOpaque(context).takeUnretainedValue().stateChanged(to: new)
}

private func graceIsOver(_ context: UnsafeMutableRawPointer?, _ expirations: UInt64) {
  guard let context = unsafe context else { return }
  unsafe Unmanaged<PipeWireStream>.fromOpaque(context).takeUnretainedValue().checkAfterGrace()
}
