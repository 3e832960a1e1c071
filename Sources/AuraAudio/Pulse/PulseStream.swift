internal import AuraHost
internal import AuraStream
internal import CPulse
internal import Synchronization

/// One PulseAudio stream with its target: made, watched, made again when its device comes back.
///
/// The owner gives the function that moves the sound. Everything happens on the session's loop
/// thread or under its lock.
@safe final class PulseStream: @unchecked Sendable {
  enum Direction: Sendable { case capture, playback }

  /// What the stream is and what it wants to be connected to.
  struct Request: Sendable {
    var direction: Direction
    var clientName: String
    var latencyFrames: Int
    /// A device by name; nil is the default output or its monitor.
    var deviceName: String?
    /// What a program plays, by its name, instead of a device.
    var programName: String?
  }

  /// What to connect to right now.
  private struct Target: Equatable {
    /// The output or input, as `devices` names it; nil when the server chooses.
    var device: String?
    /// The server's name for what to connect to; nil when the server chooses.
    var place: String?
    /// The only player that is to be heard there; nil for all.
    var player: UInt32?
  }

  /// How long a stream may be without a device before anybody is told.
  private static let grace = Duration.milliseconds(700)
  /// How long to wait before another attempt to connect to a device that is there.
  private static let retry = Duration.milliseconds(200)
  private static let bytesPerFrame = 8

  private let session: PulseSession
  private let request: Request
  private let timing: PulseTiming
  private let process: pa_stream_request_cb_t
  private let processContext: UnsafeMutableRawPointer
  private let onEvent: @Sendable (StreamEvent) -> Void
  private var timer: PulseSession.Timer?
  private var stream: OpaquePointer?
  private var target: Target?  // of `stream`
  private var openedAt: HostTime?
  private var troubleSince: HostTime?
  private var told: StreamEvent?
  private let isStopped = Mutex(false)

  /// Makes the stream.
  ///
  /// - Parameters:
  ///   - request: what it is.
  ///   - timing: started anew with every stream.
  ///   - process: libpulse's read or write callback, called with `context`.
  ///   - context: kept by the owner for as long as this object lives.
  ///   - onEvent: called on the loop's thread; it must not call `stop`.
  /// - Throws: `SoundError` when there is no server or no such device.
  init(
    _ request: Request, timing: PulseTiming, process: @escaping pa_stream_request_cb_t,
    context: UnsafeMutableRawPointer, onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) {
    session = try PulseSession(clientName: request.clientName)
    self.request = request
    self.timing = timing
    unsafe self.process = process
    unsafe processContext = context
    self.onEvent = onEvent
    try checkDevice()
    session.locked {
      let me = unsafe Unmanaged.passUnretained(self).toOpaque()
      timer = unsafe session.makeTimer(timerFired, context: me)
      session.onChange = { [unowned self] in reconsiderSoon() }
      reconsiderSoon()
    }
  }

  deinit { stop() }

  /// Ends the stream and the session, without waiting for the server. Not on the loop's thread.
  /// Idempotent.
  func stop() {
    let isFirst = isStopped.withLock { stopped in
      defer { stopped = true }
      return !stopped
    }
    guard isFirst else { return }
    session.locked {
      session.onChange = {}
      timer?.destroy()
      timer = nil
      close()
    }
    session.stop()
  }

  private func checkDevice() throws(SoundError) {
    guard let name = request.deviceName else { return }
    let (isThere, devices) = session.locked { (wantedTarget != nil, session.graph.devices) }
    guard !isThere else { return }
    let names = devices.filter { request.direction == .capture || $0.kind == .output }.map(\.name)
    let known = names.isEmpty ? "it has none" : "it has \(names.joined(separator: ", "))"
    throw SoundError(
      .noDevice, "PulseAudio has no device \(name): \(known); see `auralync devices`.")
  }

  // MARK: On the loop's thread or under its lock

  /// Where the stream belongs by what is known; nil when that is not there.
  private var wantedTarget: Target? {
    let graph = session.graph
    switch request.direction {
    case .capture:
      if let name = request.programName {
        return graph.player(named: name).map {
          Target(device: name, place: $0.output.monitor, player: $0.player.index)
        }
      }
      // A name that is both an output and an input is taken as the output, as `devices` says.
      if let output = graph.output(named: request.deviceName ?? graph.defaultOutput) {
        return Target(device: output.name, place: output.monitor)
      }
      return graph.input(named: request.deviceName).map {
        Target(device: $0.name, place: $0.name)
      }
    case .playback:
      guard let name = request.deviceName else {
        return graph.outputs.isEmpty ? nil : Target(device: nil, place: nil)
      }
      return graph.output(named: name).map { Target(device: $0.name, place: $0.name) }
    }
  }

  /// Never inside the stream's own callbacks, and once for several changes.
  fileprivate func reconsiderSoon() { timer?.set(after: .zero) }

  /// Looks at everything that is known, acts, and tells what has changed.
  fileprivate func reconsider() {
    if let reason = session.lostReason {
      close()
      tell(.ended(reason: reason))
      return
    }
    let now = HostClock.now
    let wanted = wantedTarget
    if let stream = unsafe stream, unsafe wanted != target || aura_pa_stream_is_good(stream) == 0 {
      close()
    }
    if unsafe stream == nil, let wanted,
      openedAt.map({ now - $0 >= Self.retry }) ?? true
        || wanted != target
    {
      open(wanted, now: now)
    }
    if let device = playingDevice {
      troubleSince = nil
      tell(.running(device: device))
    } else {
      waitForDevice(isThere: wanted != nil, now: now)
    }
  }

  private func waitForDevice(isThere: Bool, now: HostTime) {
    let since = troubleSince ?? now
    troubleSince = since
    if let name = request.programName, !isThere {
      tell(.waiting(reason: "\(name) plays nothing at present"))
    } else if let name = request.deviceName, !isThere {
      tell(.waiting(reason: "\(name) is gone"))
    } else if now - since >= Self.grace, !isBeingMade(now: now) {
      tell(.waiting(reason: trouble))
    }
    // What is there is tried again; what is not there announces itself.
    if isThere || now - since < Self.grace { timer?.set(after: Self.retry) }
  }

  private func isBeingMade(now: HostTime) -> Bool {
    guard let stream = unsafe stream, let openedAt else { return false }
    return unsafe pa_stream_get_state(stream) == PA_STREAM_CREATING && now - openedAt < Self.grace
  }

  /// Why there is no sound although there should be.
  private var trouble: String {
    if let stream = unsafe stream, unsafe pa_stream_get_state(stream) == PA_STREAM_READY {
      return "\(deviceOfStream) is suspended"
    }
    if let device = target?.device { return "\(device) cannot be used" }
    return "PulseAudio has no output for it"
  }

  private func open(_ target: Target, now: HostTime) {
    guard let properties = unsafe pa_proplist_new() else { return }
    defer { unsafe pa_proplist_free(properties) }
    let isCapture = request.direction == .capture
    unsafe pa_proplist_sets(
      properties, "media.icon_name", isCapture ? "audio-input-microphone" : "audio-headphones")
    var format = aura_pa_format()
    var map = pa_channel_map()
    unsafe pa_channel_map_init_stereo(&map)
    let name = isCapture ? "captured sound" : "broadcast"
    openedAt = now
    self.target = target
    guard
      let stream = unsafe pa_stream_new_with_proplist(
        session.context, name, &format, &map, properties)
    else { return }
    unsafe self.stream = stream
    timing.reset()
    let me = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe pa_stream_set_state_callback(stream, streamChanged, me)
    unsafe pa_stream_set_moved_callback(stream, streamChanged, me)
    unsafe pa_stream_set_suspended_callback(stream, streamChanged, me)
    let block = UInt32(request.latencyFrames * Self.bytesPerFrame)
    if isCapture {
      unsafe pa_stream_set_read_callback(stream, process, processContext)
      if let player = target.player { unsafe pa_stream_set_monitor_stream(stream, player) }
      unsafe aura_pa_connect_record(stream, target.place, block)
    } else {
      unsafe pa_stream_set_write_callback(stream, process, processContext)
      unsafe aura_pa_connect_playback(stream, target.place, 2 * block)
    }
  }

  private func close() {
    guard let stream = unsafe stream else { return }
    unsafe pa_stream_set_state_callback(stream, nil, nil)
    unsafe pa_stream_set_moved_callback(stream, nil, nil)
    unsafe pa_stream_set_suspended_callback(stream, nil, nil)
    unsafe pa_stream_set_read_callback(stream, nil, nil)
    unsafe pa_stream_set_write_callback(stream, nil, nil)
    unsafe pa_stream_disconnect(stream)
    unsafe pa_stream_unref(stream)
    unsafe self.stream = nil
  }

  /// The device that sound flows from or to; nil while none does.
  private var playingDevice: String? {
    guard let stream = unsafe stream, unsafe pa_stream_get_state(stream) == PA_STREAM_READY,
      unsafe pa_stream_is_suspended(stream) == 0
    else { return nil }
    return deviceOfStream
  }

  private var deviceOfStream: String {
    if let device = target?.device { return device }
    return unsafe stream.flatMap { unsafe pa_stream_get_device_name($0) }
      .map { unsafe String(cString: $0) } ?? "the default output"
  }

  private func tell(_ event: StreamEvent) {
    guard event != told else { return }
    if case .ended = told { return }
    told = event
    onEvent(event)
  }
}

// Plain functions, not closures: libpulse's loop thread calls them.

private func streamChanged(_ stream: OpaquePointer?, _ context: UnsafeMutableRawPointer?) {
  guard let context = unsafe context else { return }
  unsafe Unmanaged<PulseStream>.fromOpaque(context).takeUnretainedValue().reconsiderSoon()
}

private func timerFired(
  _ api: UnsafeMutablePointer<pa_mainloop_api>?, _ event: OpaquePointer?,
  _ time: UnsafePointer<timeval>?, _ context: UnsafeMutableRawPointer?
) {
  guard let context = unsafe context else { return }
  unsafe Unmanaged<PulseStream>.fromOpaque(context).takeUnretainedValue().reconsider()
}
