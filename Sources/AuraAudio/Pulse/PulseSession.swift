internal import AuraHost
internal import AuraStream
internal import CPulse
internal import Glibc

/// A connection to PulseAudio with its loop thread and what the server tells of its devices.
///
/// All state belongs to the loop: it is touched on the loop's thread or while holding its lock.
@safe final class PulseSession: @unchecked Sendable {
  private static let answerTime = Duration.seconds(5)
  /// Above ordinary work: the loop's thread is the one that moves the sound.
  private static let priority: Int32 = 20

  private let loop: OpaquePointer
  private let api: UnsafeMutablePointer<pa_mainloop_api>
  /// The connection itself.
  let context: OpaquePointer
  private var deadline: Timer?
  private var isLate = false
  private var isReady = false
  private var isKnown = false
  private var isStopped = false
  private var hasPriority = false

  // A round of questions: how many answers are due, what they said, whether to ask again.
  private var answersDue = 0
  private var draft: PulseGraph?
  private var isStale = false

  /// What is known of the server's devices.
  private(set) var graph = PulseGraph()
  /// Why the connection is gone; nil while it is there.
  private(set) var lostReason: String?
  /// Called on the loop's thread after the graph has changed or the connection was lost.
  var onChange: () -> Void = {}
  /// Called on the loop's thread when an output's volume, mute or state may have changed.
  var onSinkChange: () -> Void = {}

  /// Connects and learns the devices. Never starts a server.
  ///
  /// - Parameter clientName: what mixers show.
  /// - Throws: `SoundError` when there is no server or it refuses us.
  init(clientName: String) throws(SoundError) {
    let server = try PulseServer.choose()
    guard let loop = unsafe pa_threaded_mainloop_new(),
      let api = unsafe pa_threaded_mainloop_get_api(loop),
      let properties = unsafe pa_proplist_new()
    else { throw SoundError(.failed, "PulseAudio's library could not start.") }
    unsafe pa_proplist_sets(properties, "application.id", "auralync")
    let newContext = unsafe pa_context_new_with_proplist(api, clientName, properties)
    unsafe pa_proplist_free(properties)
    guard let context = unsafe newContext else {
      unsafe pa_threaded_mainloop_free(loop)
      throw SoundError(.failed, "PulseAudio's library could not start.")
    }
    unsafe self.loop = loop
    unsafe self.api = api
    unsafe self.context = context
    do throws(SoundError) {
      try connect(to: server)
    } catch {
      stop()
      throw error
    }
  }

  deinit { stop() }

  private func connect(to server: String?) throws(SoundError) {
    let me = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe pa_threaded_mainloop_set_name(loop, "aura-pulse")
    deadline = unsafe makeTimer(answerIsLate, context: me)
    unsafe pa_context_set_state_callback(context, contextStateChanged, me)
    unsafe pa_context_set_subscribe_callback(context, serverChanged, me)
    var systemError: Int32 = 0
    guard unsafe aura_pa_connect(context, server, &systemError) == 0 else {
      throw error(systemError: systemError)
    }
    guard unsafe pa_threaded_mainloop_start(loop) == 0 else {
      throw SoundError(.failed, "PulseAudio's library could not start its thread.")
    }
    guard wait(until: { isReady || lostReason != nil }), lostReason == nil else {
      throw lostReason == nil ? Self.noAnswer : error(systemError: 0)
    }
    locked {
      let facilities =
        PA_SUBSCRIPTION_MASK_SINK.rawValue | PA_SUBSCRIPTION_MASK_SOURCE.rawValue
        | PA_SUBSCRIPTION_MASK_SERVER.rawValue | PA_SUBSCRIPTION_MASK_SINK_INPUT.rawValue
      let operation = unsafe pa_context_subscribe(
        context, pa_subscription_mask_t(rawValue: facilities), nil, nil)
      if let operation = unsafe operation { unsafe pa_operation_unref(operation) }
      refresh()
    }
    guard wait(until: { isKnown || lostReason != nil }), isKnown else { throw Self.noAnswer }
  }

  private static var noAnswer: SoundError {
    SoundError(
      .failed,
      "PulseAudio does not answer: restart it (systemctl --user restart pulseaudio, or "
        + "pipewire-pulse where PipeWire stands in for it).")
  }

  private func error(systemError: Int32) -> SoundError {
    locked {
      let address = unsafe pa_context_get_server(context).map { unsafe String(cString: $0) }
      return PulseServer.error(
        unsafe pa_context_errno(context), systemError: systemError, address: address)
    }
  }

  /// Runs `body` while the loop waits; not on the loop's own thread.
  func locked<Result>(_ body: () -> Result) -> Result {
    unsafe pa_threaded_mainloop_lock(loop)
    defer { unsafe pa_threaded_mainloop_unlock(loop) }
    return body()
  }

  /// Waits for something that the loop's thread brings about.
  ///
  /// - Returns: false when it did not come in time.
  func wait(until condition: () -> Bool) -> Bool {
    locked {
      isLate = false
      deadline?.set(after: Self.answerTime)
      defer { deadline?.set(after: nil) }
      while !condition() {
        if isLate { return false }
        unsafe pa_threaded_mainloop_wait(loop)
      }
      return true
    }
  }

  /// Lets who waits look again. On the loop's thread.
  func signal() { unsafe pa_threaded_mainloop_signal(loop, 0) }

  /// Disconnects and ends the loop, without asking the server anything. Streams must be gone.
  /// Not on the loop's own thread.
  func stop() {
    guard !isStopped else { return }
    isStopped = true
    locked {
      onChange = {}
      onSinkChange = {}
      unsafe pa_context_set_state_callback(context, nil, nil)
      unsafe pa_context_set_subscribe_callback(context, nil, nil)
      deadline?.destroy()
      unsafe pa_context_disconnect(context)
    }
    unsafe pa_threaded_mainloop_stop(loop)
    unsafe pa_context_unref(context)
    unsafe pa_threaded_mainloop_free(loop)
  }

  /// A timer on the loop, at rest. Under the lock or before the loop runs.
  func makeTimer(_ callback: pa_time_event_cb_t, context: UnsafeMutableRawPointer) -> Timer {
    unsafe Timer(
      context: self.context, api: api,
      event: aura_pa_add_timer(self.context, callback, context))
  }

  /// A timer of the loop; used on the loop's thread or under its lock.
  @safe struct Timer {
    private let context: OpaquePointer
    private let api: UnsafeMutablePointer<pa_mainloop_api>
    private let event: OpaquePointer?

    fileprivate init(
      context: OpaquePointer, api: UnsafeMutablePointer<pa_mainloop_api>, event: OpaquePointer?
    ) {
      unsafe self.context = context
      unsafe self.api = api
      unsafe self.event = event
    }

    /// Fires once after `time`; nil stops it.
    func set(after time: Duration?) {
      guard let event = unsafe event else { return }
      let microseconds = time.map { max(0, $0.inNanoseconds / 1000) } ?? -1
      unsafe aura_pa_set_timer(context, event, microseconds)
    }

    func destroy() {
      if let event = unsafe event { unsafe aura_pa_destroy_timer(api, event) }
    }
  }

  // MARK: What the server tells, on the loop's thread

  fileprivate func late() {
    isLate = true
    unsafe pa_threaded_mainloop_signal(loop, 0)
  }

  fileprivate func stateChanged() {
    raisePriority()
    let state = unsafe pa_context_get_state(context)
    isReady = state == PA_CONTEXT_READY
    if state == PA_CONTEXT_FAILED || state == PA_CONTEXT_TERMINATED {
      lostReason = "PulseAudio has gone away"
      onChange()
    }
    unsafe pa_threaded_mainloop_signal(loop, 0)
  }

  /// Once, on the loop's thread; without permission it stays an ordinary thread.
  private func raisePriority() {
    guard !hasPriority, unsafe pa_threaded_mainloop_in_thread(loop) != 0 else { return }
    hasPriority = true
    var parameters = sched_param(sched_priority: Self.priority)
    unsafe pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters)
  }

  /// Asks for everything again; several wishes at once are one.
  fileprivate func refresh() {
    guard answersDue == 0 else {
      isStale = true
      return
    }
    isStale = false
    draft = PulseGraph()
    let me = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe ask(pa_context_get_server_info(context, serverDescribed, me))
    unsafe ask(pa_context_get_sink_info_list(context, sinkDescribed, me))
    unsafe ask(pa_context_get_source_info_list(context, sourceDescribed, me))
    unsafe ask(pa_context_get_sink_input_info_list(context, playerDescribed, me))
  }

  private func ask(_ operation: OpaquePointer?) {
    guard let operation = unsafe operation else { return }
    answersDue += 1
    unsafe pa_operation_unref(operation)
  }

  fileprivate func told(_ change: (inout PulseGraph) -> Void) {
    if var graph = draft {
      change(&graph)
      draft = graph
    }
  }

  /// One of the questions is answered; without success the last known graph stays.
  fileprivate func answered(success: Bool) {
    answersDue -= 1
    if !success { draft = nil }
    guard answersDue == 0 else { return }
    let isNews = draft != nil && draft != graph
    if let draft { graph = draft }
    isKnown = true
    unsafe pa_threaded_mainloop_signal(loop, 0)
    if isStale { refresh() }
    if isNews { onChange() }
  }
}

// Plain functions, not closures: libpulse's loop thread calls them.

private func session(_ context: UnsafeMutableRawPointer?) -> PulseSession? {
  guard let context = unsafe context else { return nil }
  return unsafe Unmanaged<PulseSession>.fromOpaque(context).takeUnretainedValue()
}

private func text(_ string: UnsafePointer<CChar>?) -> String {
  unsafe string.map { unsafe String(cString: $0) } ?? ""
}

private func answerIsLate(
  _ api: UnsafeMutablePointer<pa_mainloop_api>?, _ event: OpaquePointer?,
  _ time: UnsafePointer<timeval>?, _ context: UnsafeMutableRawPointer?
) {
  unsafe session(context)?.late()
}

private func contextStateChanged(_ pulse: OpaquePointer?, _ context: UnsafeMutableRawPointer?) {
  unsafe session(context)?.stateChanged()
}

private func serverChanged(
  _ pulse: OpaquePointer?, _ event: pa_subscription_event_type_t, _ index: UInt32,
  _ context: UnsafeMutableRawPointer?
) {
  // A device that merely changes (its volume, its state) is of no interest to the graph; a player
  // that does may have moved to another.
  let facility = event.rawValue & PA_SUBSCRIPTION_EVENT_FACILITY_MASK.rawValue
  let type = event.rawValue & PA_SUBSCRIPTION_EVENT_TYPE_MASK.rawValue
  if facility == PA_SUBSCRIPTION_EVENT_SERVER.rawValue
    || facility == PA_SUBSCRIPTION_EVENT_SINK_INPUT.rawValue
    || type != PA_SUBSCRIPTION_EVENT_CHANGE.rawValue
  {
    unsafe session(context)?.refresh()
  } else if facility == PA_SUBSCRIPTION_EVENT_SINK.rawValue {
    unsafe session(context)?.onSinkChange()
  }
}

private func serverDescribed(
  _ pulse: OpaquePointer?, _ info: UnsafePointer<pa_server_info>?,
  _ context: UnsafeMutableRawPointer?
) {
  guard let session = unsafe session(context) else { return }
  if let info = unsafe info?.pointee {
    session.told {
      unsafe $0.defaultOutput = text(info.default_sink_name)
      unsafe $0.defaultInput = text(info.default_source_name)
      unsafe $0.isPipeWire = text(info.server_name).contains("PipeWire")
    }
  }
  session.answered(success: unsafe info != nil)
}

private func sinkDescribed(
  _ pulse: OpaquePointer?, _ info: UnsafePointer<pa_sink_info>?, _ end: Int32,
  _ context: UnsafeMutableRawPointer?
) {
  guard let session = unsafe session(context) else { return }
  guard end == 0, let info = unsafe info?.pointee else {
    session.answered(success: end > 0)
    return
  }
  session.told {
    unsafe $0.outputs.append(
      PulseGraph.Output(
        index: info.index, name: text(info.name), description: text(info.description),
        monitor: text(info.monitor_source_name)))
  }
}

private func sourceDescribed(
  _ pulse: OpaquePointer?, _ info: UnsafePointer<pa_source_info>?, _ end: Int32,
  _ context: UnsafeMutableRawPointer?
) {
  guard let session = unsafe session(context) else { return }
  guard end == 0, let info = unsafe info else {
    session.answered(success: end > 0)
    return
  }
  guard unsafe aura_pa_is_monitor(info) == 0 else { return }
  session.told {
    unsafe $0.inputs.append(
      PulseGraph.Input(
        name: text(info.pointee.name), description: text(info.pointee.description)))
  }
}

private func playerDescribed(
  _ pulse: OpaquePointer?, _ info: UnsafePointer<pa_sink_input_info>?, _ end: Int32,
  _ context: UnsafeMutableRawPointer?
) {
  guard let session = unsafe session(context) else { return }
  guard end == 0, let info = unsafe info?.pointee else {
    session.answered(success: end > 0)
    return
  }
  session.told {
    unsafe $0.players.append(
      PulseGraph.Player(
        index: info.index, output: info.sink,
        program: text(pa_proplist_gets(info.proplist, "application.name")),
        binary: text(pa_proplist_gets(info.proplist, "application.process.binary"))))
  }
}
