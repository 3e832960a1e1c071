internal import AuraHost
internal import AuraStream
internal import CPipeWire
internal import Glibc

/// A connection to PipeWire with its loop thread and what the server tells of its graph.
///
/// All state belongs to the loop: it is touched on the loop's thread or while holding its lock.
@safe final class PipeWireSession: @unchecked Sendable {
  private static let answerTime = Duration.seconds(5)
  private static let started: Void = aura_pw_start()

  private let loop: OpaquePointer
  private let context: OpaquePointer
  let core: OpaquePointer
  private let events = PipeWireEvents()
  private var registry: OpaquePointer?
  private var metadata: OpaquePointer?
  private var metadataID: UInt32?
  private var pending: Int32?
  private var isStopped = false

  /// What is known of the server's nodes, links and defaults.
  private(set) var graph = PipeWireGraph()
  /// Why the connection is gone; nil while it is there.
  private(set) var lostReason: String?
  /// Called on the loop's thread after the graph has changed or the connection was lost.
  var onChange: () -> Void = {}

  /// Connects and learns the graph.
  ///
  /// - Throws: `SoundError` when there is no server or it refuses us.
  init() throws(SoundError) {
    Self.started
    guard let loop = unsafe pw_thread_loop_new("aura-pipewire", nil) else {
      throw Self.libraryFailure
    }
    guard let context = unsafe aura_pw_make_context(pw_thread_loop_get_loop(loop)) else {
      unsafe pw_thread_loop_destroy(loop)
      throw Self.libraryFailure
    }
    var failure: Int32 = 0
    guard let core = unsafe aura_pw_connect(context, &failure) else {
      unsafe pw_context_destroy(context)
      unsafe pw_thread_loop_destroy(loop)
      throw Self.error(failure)
    }
    unsafe self.loop = loop
    unsafe self.context = context
    unsafe self.core = core
    unsafe events.listen(to: core, for: self)
    unsafe registry = aura_pw_core_get_registry(core)
    if let registry = unsafe registry { unsafe events.listen(toRegistry: registry, for: self) }
    unsafe pw_thread_loop_start(loop)
    // Twice: the first answer brings the objects, the second their metadata.
    guard roundTrip(), roundTrip() else {
      stop()
      throw SoundError(
        .failed, "PipeWire does not answer: restart it (systemctl --user restart pipewire).")
    }
  }

  deinit { stop() }

  private static let libraryFailure = SoundError(
    .failed, "PipeWire's library could not start: reinstall its package (libpipewire-0.3).")

  private static func error(_ code: Int32) -> SoundError {
    if let refusal = PipeWireSockets.refusal { return refusal }
    switch code {
    case ENOENT, ECONNREFUSED, EHOSTDOWN:
      return SoundError(
        .noServer, "No PipeWire server is running: start it (systemctl --user start pipewire).")
    default:
      return SoundError(
        .failed,
        "PipeWire cannot be reached (\(unsafe String(cString: strerror(code)))): restart it "
          + "(systemctl --user restart pipewire).")
    }
  }

  /// Runs `body` while the loop waits; not on the loop's own thread.
  func locked<Result>(_ body: () -> Result) -> Result {
    unsafe pw_thread_loop_lock(loop)
    defer { unsafe pw_thread_loop_unlock(loop) }
    return body()
  }

  /// Where the session manager keeps the user's choice of the default output.
  private static let choiceKey = "default.configured.audio.sink"

  /// Makes an output the user's choice of the default, or makes it that there is none. Waits until
  /// the session manager has said so. Not on the loop's own thread.
  ///
  /// - Returns: whether it has.
  @discardableResult
  func chooseOutput(_ name: String?) -> Bool {
    // The names of nodes may hold anything.
    let quoted = name.map { name in
      "{ \"name\": \"" + name.map { "\"\\".contains($0) ? "\\\($0)" : "\($0)" }.joined() + "\" }"
    }
    let isAsked = locked {
      guard let metadata = unsafe metadata else { return false }
      return unsafe aura_pw_metadata_set(metadata, Self.choiceKey, "Spa:String:JSON", quoted) >= 0
    }
    // It is another program's: only its own word tells that it has it.
    return isAsked && waitForWord { graph.chosenOutput == name }
  }

  /// How long the session manager's word of something takes, and how often it is asked for anew.
  private static let wordTime = Duration.milliseconds(200)
  private static let mostWords = 20

  /// Waits for the session manager's word. The server passes it on to nobody but newcomers while there
  /// is one (as of 0.3.65): then we are one, too.
  ///
  /// - Returns: false when it does not come in time, or the server is gone.
  @discardableResult
  private func waitForWord(_ isTold: () -> Bool) -> Bool {
    for _ in 0..<Self.mostWords {
      if locked({ wait(Self.wordTime, until: isTold) }) { return true }
      locked {
        guard let id = metadataID else { return }
        forgetMetadata()
        graph.chosenOutput = nil
        bindMetadata(id: id)
      }
      // The second answer comes after what it told us, as when a session begins.
      guard roundTrip(), roundTrip() else { return false }
    }
    return false
  }

  /// Whether the session manager knows what is chosen. Before it has told of a default it need not
  /// have begun to look at choices, and misses them.
  var hasChoice: Bool { locked { graph.defaultOutput != nil } }

  /// Waits until the session manager knows what is chosen. Not on the loop's own thread.
  ///
  /// - Returns: false when none runs.
  func waitForChoice() -> Bool {
    // Without an output there is no default, but choices are kept.
    waitForWord { graph.defaultOutput != nil }
    return locked { unsafe metadata != nil }
  }

  /// Waits until the server has answered everything asked so far.
  ///
  /// - Returns: false when it does not answer or is gone.
  private func roundTrip() -> Bool {
    locked {
      pending = unsafe aura_pw_core_sync(core, 0)
      return wait { pending == nil }
    }
  }

  /// Waits for something that the loop's thread brings about and signals. Under the lock, taken once.
  ///
  /// - Returns: false when it does not come in time, or the server is gone.
  private func wait(_ time: Duration = answerTime, until condition: () -> Bool) -> Bool {
    var deadline = timespec()
    unsafe pw_thread_loop_get_time(loop, &deadline, time.inNanoseconds)
    while !condition(), lostReason == nil {
      if unsafe pw_thread_loop_timed_wait_full(loop, &deadline) != 0 { return false }
    }
    return lostReason == nil
  }

  /// Disconnects and ends the loop. Streams must be gone. Not on the loop's own thread.
  func stop() {
    guard !isStopped else { return }
    isStopped = true
    unsafe pw_thread_loop_stop(loop)
    forgetMetadata()
    if let registry = unsafe registry { unsafe aura_pw_destroy_proxy(.init(registry)) }
    unsafe pw_core_disconnect(core)
    unsafe pw_context_destroy(context)
    unsafe pw_thread_loop_destroy(loop)
  }

  /// A timer on the loop, at rest.
  func makeTimer(
    _ callback: spa_source_timer_func_t, context: UnsafeMutableRawPointer
  ) -> PipeWireTimer {
    unsafe PipeWireTimer(pw_thread_loop_get_loop(loop), callback, context)
  }

  // MARK: What the server tells, on the loop's thread

  func answered(_ sequence: Int32) {
    guard sequence == pending else { return }
    pending = nil
    unsafe pw_thread_loop_signal(loop, false)
  }

  func failed(object: UInt32, code: Int32) {
    // Errors of single objects reach their streams; only the core's means that all is over.
    guard object == PW_ID_CORE, code == -EPIPE, lostReason == nil else { return }
    lostReason = "PipeWire has gone away"
    unsafe pw_thread_loop_signal(loop, false)
    onChange()
  }

  func appeared(id: UInt32, type: String, properties: [String: String]) {
    switch type {
    case "PipeWire:Interface:Node":
      let name = properties["node.name"] ?? ""
      graph.nodes[id] = PipeWireGraph.Node(
        name: name, description: properties["node.description"] ?? name,
        mediaClass: properties["media.class"] ?? "",
        program: properties["application.name"],
        serial: properties["object.serial"].flatMap { UInt64($0) } ?? 0)
    case "PipeWire:Interface:Link":
      graph.links[id] = PipeWireGraph.Link(
        outputNode: properties["link.output.node"].flatMap { UInt32($0) } ?? .max,
        inputNode: properties["link.input.node"].flatMap { UInt32($0) } ?? .max)
    case "PipeWire:Interface:Metadata" where properties["metadata.name"] == "default":
      bindMetadata(id: id)
      return
    default: return
    }
    onChange()
  }

  func vanished(id: UInt32) {
    if id == metadataID { forgetMetadata() }
    let wasNode = graph.nodes.removeValue(forKey: id) != nil
    let wasLink = graph.links.removeValue(forKey: id) != nil
    if wasNode || wasLink { onChange() }
  }

  func metadataChanged(key: String?, deviceName: String?) {
    switch key {
    case "default.audio.sink": graph.defaultOutput = deviceName
    case "default.audio.source": graph.defaultInput = deviceName
    case Self.choiceKey: graph.chosenOutput = deviceName
    case nil:
      graph.chosenOutput = nil
      graph.defaultOutput = nil
      graph.defaultInput = nil
    default: return
    }
    unsafe pw_thread_loop_signal(loop, false)
    onChange()
  }

  private func bindMetadata(id: UInt32) {
    guard unsafe metadata == nil, let registry = unsafe registry,
      let proxy = unsafe aura_pw_bind_metadata(registry, id)
    else { return }
    unsafe metadata = proxy
    metadataID = id
    unsafe events.listen(toMetadata: proxy, for: self)
  }

  private func forgetMetadata() {
    guard let proxy = unsafe metadata else { return }
    unsafe aura_pw_destroy_proxy(.init(proxy))
    unsafe metadata = nil
    metadataID = nil
  }
}

/// A timer of a session's loop; used on the loop's thread or under its lock.
@safe struct PipeWireTimer {
  private let loop: UnsafeMutablePointer<pw_loop>?
  private let source: UnsafeMutablePointer<spa_source>?

  init(
    _ loop: UnsafeMutablePointer<pw_loop>?, _ callback: spa_source_timer_func_t,
    _ context: UnsafeMutableRawPointer
  ) {
    unsafe self.loop = loop
    unsafe source = aura_pw_add_timer(loop, callback, context)
  }

  /// Fires once after `delay`, at least a millisecond from now; replaces what was set before.
  func set(_ delay: Duration) {
    unsafe aura_pw_set_timer(loop, source, max(1, Int32(clamping: delay.inNanoseconds / 1_000_000)))
  }

  func destroy() { unsafe aura_pw_destroy_timer(loop, source) }
}
