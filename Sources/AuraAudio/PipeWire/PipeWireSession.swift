internal import AuraHost
internal import AuraStream
internal import CPipeWire
internal import Glibc
internal import Synchronization

/// A connection to PipeWire with its loop thread and what the server tells of its graph.
///
/// All state belongs to the loop: it is touched on the loop's thread or while holding its lock.
@safe final class PipeWireSession: @unchecked Sendable {
  private static let answerTime = Duration.seconds(5)
  private static let initialized: Void = unsafe pw_init(nil, nil)

  private let loop: OpaquePointer
  private let context: OpaquePointer
  let core: OpaquePointer
  private var registry: OpaquePointer?
  private var metadata: (id: UInt32, proxy: OpaquePointer)?
  private let events: Events
  private var pending: Int32 = -1
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
    Self.initialized
    guard let loop = unsafe pw_thread_loop_new("aura-pipewire", nil),
      let context = unsafe pw_context_new(pw_thread_loop_get_loop(loop), nil, 0)
    else { throw SoundError(.failed, "PipeWire's library could not start.") }
    var failure: Int32 = 0
    guard let core = unsafe aura_pw_connect(context, &failure) else {
      unsafe pw_context_destroy(context)
      unsafe pw_thread_loop_destroy(loop)
      throw Self.error(failure)
    }
    unsafe self.loop = loop
    unsafe self.context = context
    unsafe self.core = core
    events = Events()
    unsafe events.listen(to: core, for: Unmanaged.passUnretained(self).toOpaque())
    unsafe registry = aura_pw_core_get_registry(core)
    if let registry = unsafe registry {
      unsafe events.listen(toRegistry: registry, for: Unmanaged.passUnretained(self).toOpaque())
    }
    unsafe pw_thread_loop_start(loop)
    // Twice: the first answer brings the objects, the second their metadata.
    guard roundTrip(), roundTrip() else {
      stop()
      throw SoundError(
        .failed, "PipeWire does not answer: restart it (systemctl --user restart pipewire).")
    }
  }

  deinit { stop() }

  private static func error(_ code: Int32) -> SoundError {
    switch code {
    case EACCES, EPERM:
      SoundError(
        .refused, "PipeWire refuses the connection: run auralync as the user who is logged in.")
    case ENOENT, ECONNREFUSED, EHOSTDOWN:
      SoundError(.noServer, "No PipeWire server is running.")
    default:
      SoundError(
        .failed, "PipeWire cannot be reached (\(unsafe String(cString: strerror(code)))).")
    }
  }

  /// Runs `body` while the loop waits; not on the loop's own thread.
  func locked<Result>(_ body: () -> Result) -> Result {
    unsafe pw_thread_loop_lock(loop)
    defer { unsafe pw_thread_loop_unlock(loop) }
    return body()
  }

  /// Waits until the server has answered everything asked so far.
  ///
  /// - Returns: false when it does not answer or is gone.
  func roundTrip() -> Bool {
    locked {
      var deadline = timespec()
      unsafe pw_thread_loop_get_time(loop, &deadline, Self.answerTime.inNanoseconds)
      pending = unsafe aura_pw_core_sync(core, 0)
      while pending >= 0, lostReason == nil {
        if unsafe pw_thread_loop_timed_wait_full(loop, &deadline) != 0 { return false }
      }
      return lostReason == nil
    }
  }

  /// Disconnects and ends the loop. Streams must be gone. Not on the loop's own thread.
  func stop() {
    guard !isStopped else { return }
    isStopped = true
    unsafe pw_thread_loop_stop(loop)
    if let metadata = unsafe metadata { unsafe aura_pw_destroy_proxy(.init(metadata.proxy)) }
    if let registry = unsafe registry { unsafe aura_pw_destroy_proxy(.init(registry)) }
    unsafe pw_core_disconnect(core)
    unsafe pw_context_destroy(context)
    unsafe pw_thread_loop_destroy(loop)
  }

  /// A timer on the loop, at rest.
  func makeTimer(_ callback: spa_source_timer_func_t, context: UnsafeMutableRawPointer) -> Timer {
    unsafe Timer(pw_thread_loop_get_loop(loop), callback, context)
  }

  /// A timer of the loop.
  @safe struct Timer {
    private let loop: UnsafeMutablePointer<pw_loop>?
    private let source: UnsafeMutablePointer<spa_source>?

    init(
      _ loop: UnsafeMutablePointer<pw_loop>?, _ callback: spa_source_timer_func_t,
      _ context: UnsafeMutableRawPointer
    ) {
      unsafe self.loop = loop
      unsafe source = aura_pw_add_timer(loop, callback, context)
    }

    /// Fires once after `milliseconds`; 0 stops it. On the loop's thread or under its lock.
    func set(milliseconds: Int32) { unsafe aura_pw_set_timer(loop, source, milliseconds) }

    func destroy() { unsafe aura_pw_destroy_timer(loop, source) }
  }

  // MARK: What the server tells, on the loop's thread

  fileprivate func answered(_ sequence: Int32) {
    guard sequence == pending else { return }
    pending = -1
    unsafe pw_thread_loop_signal(loop, false)
  }

  fileprivate func failed(object: UInt32, code: Int32, message: String) {
    // Errors of single objects reach their streams; only the core's means that all is over.
    guard object == PW_ID_CORE, code == -EPIPE, lostReason == nil else { return }
    lostReason = "PipeWire has gone away"
    unsafe pw_thread_loop_signal(loop, false)
    onChange()
  }

  fileprivate func appeared(id: UInt32, type: String, properties: [String: String]) {
    switch type {
    case "PipeWire:Interface:Node":
      let name = properties["node.name"] ?? ""
      graph.nodes[id] = PipeWireGraph.Node(
        name: name, description: properties["node.description"] ?? name,
        mediaClass: properties["media.class"] ?? "")
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

  fileprivate func vanished(id: UInt32) {
    if let known = unsafe metadata, known.id == id {
      unsafe aura_pw_destroy_proxy(.init(known.proxy))
      unsafe metadata = nil
    }
    let wasNode = graph.nodes.removeValue(forKey: id) != nil
    let wasLink = graph.links.removeValue(forKey: id) != nil
    if wasNode || wasLink { onChange() }
  }

  private func bindMetadata(id: UInt32) {
    guard unsafe metadata == nil, let registry = unsafe registry,
      let proxy = unsafe aura_pw_bind_metadata(registry, id)
    else { return }
    unsafe metadata = (id, proxy)
    unsafe events.listen(toMetadata: proxy, for: Unmanaged.passUnretained(self).toOpaque())
  }

  fileprivate func metadataChanged(key: String, deviceName: String?) {
    switch key {
    case "default.audio.sink": graph.defaultOutput = deviceName
    case "default.audio.source": graph.defaultInput = deviceName
    default: return
    }
    onChange()
  }
}

/// The hooks and tables of functions that PipeWire keeps pointers to; they never move.
@safe private final class Events {
  private let core = UnsafeMutablePointer<pw_core_events>.allocate(capacity: 1)
  private let registry = UnsafeMutablePointer<pw_registry_events>.allocate(capacity: 1)
  private let metadata = UnsafeMutablePointer<pw_metadata_events>.allocate(capacity: 1)
  private let hooks = UnsafeMutablePointer<spa_hook>.allocate(capacity: 3)

  init() {
    unsafe core.initialize(to: pw_core_events())
    unsafe core.pointee.version = UInt32(PW_VERSION_CORE_EVENTS)
    unsafe core.pointee.done = coreDone
    unsafe core.pointee.error = coreError
    unsafe registry.initialize(to: pw_registry_events())
    unsafe registry.pointee.version = UInt32(PW_VERSION_REGISTRY_EVENTS)
    unsafe registry.pointee.global = registryGlobal
    unsafe registry.pointee.global_remove = registryGlobalRemove
    unsafe metadata.initialize(to: pw_metadata_events())
    unsafe metadata.pointee.version = UInt32(PW_VERSION_METADATA_EVENTS)
    unsafe metadata.pointee.property = metadataProperty
    unsafe hooks.initialize(repeating: spa_hook(), count: 3)
  }

  deinit {
    unsafe core.deallocate()
    unsafe registry.deallocate()
    unsafe metadata.deallocate()
    unsafe hooks.deallocate()
  }

  func listen(to core: OpaquePointer, for session: UnsafeMutableRawPointer) {
    unsafe aura_pw_core_add_listener(core, hooks, self.core, session)
  }

  func listen(toRegistry registry: OpaquePointer, for session: UnsafeMutableRawPointer) {
    unsafe aura_pw_registry_add_listener(registry, hooks + 1, self.registry, session)
  }

  func listen(toMetadata metadata: OpaquePointer, for session: UnsafeMutableRawPointer) {
    unsafe aura_pw_metadata_add_listener(metadata, hooks + 2, self.metadata, session)
  }
}

// Plain functions, not closures: PipeWire's loop thread calls them.

private func session(_ context: UnsafeMutableRawPointer?) -> PipeWireSession? {
  guard let context = unsafe context else { return nil }
  return unsafe Unmanaged<PipeWireSession>.fromOpaque(context).takeUnretainedValue()
}

private func coreDone(_ context: UnsafeMutableRawPointer?, _ id: UInt32, _ sequence: Int32) {
  if id == PW_ID_CORE { unsafe session(context)?.answered(sequence) }
}

private func coreError(
  _ context: UnsafeMutableRawPointer?, _ id: UInt32, _ sequence: Int32, _ code: Int32,
  _ message: UnsafePointer<CChar>?
) {
  let text = unsafe message.map { unsafe String(cString: $0) } ?? ""
  unsafe session(context)?.failed(object: id, code: code, message: text)
}

private func registryGlobal(
  _ context: UnsafeMutableRawPointer?, _ id: UInt32, _ permissions: UInt32,
  _ type: UnsafePointer<CChar>?, _ version: UInt32, _ properties: UnsafePointer<spa_dict>?
) {
  guard let type = unsafe type else { return }
  var table: [String: String] = [:]
  if let dictionary = unsafe properties?.pointee {
    for index in 0..<Int(unsafe dictionary.n_items) {
      let item = unsafe dictionary.items[index]
      guard let key = unsafe item.key, let value = unsafe item.value else { continue }
      unsafe table[String(cString: key)] = unsafe String(cString: value)
    }
  }
  unsafe session(context)?.appeared(id: id, type: String(cString: type), properties: table)
}

private func registryGlobalRemove(_ context: UnsafeMutableRawPointer?, _ id: UInt32) {
  unsafe session(context)?.vanished(id: id)
}

private func metadataProperty(
  _ context: UnsafeMutableRawPointer?, _ subject: UInt32, _ key: UnsafePointer<CChar>?,
  _ type: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?
) -> Int32 {
  guard subject == PW_ID_CORE, let key = unsafe key else { return 0 }
  var name: String?
  if let value = unsafe value {
    var text = [CChar](repeating: 0, count: 512)
    if unsafe aura_pw_json_name(value, &text, Int32(text.count)) != 0 {
      name = String(
        decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
  unsafe session(context)?.metadataChanged(key: String(cString: key), deviceName: name)
  return 0
}
