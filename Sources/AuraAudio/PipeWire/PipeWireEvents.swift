internal import CPipeWire

/// The hooks and tables of functions through which a server tells a session of its graph.
///
/// PipeWire keeps pointers to them, so they never move; it lets go of them when the objects that
/// they listen to are destroyed.
@safe final class PipeWireEvents {
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

  func listen(to core: OpaquePointer, for session: PipeWireSession) {
    unsafe aura_pw_core_add_listener(core, hooks, self.core, context(session))
  }

  func listen(toRegistry registry: OpaquePointer, for session: PipeWireSession) {
    unsafe aura_pw_registry_add_listener(registry, hooks + 1, self.registry, context(session))
  }

  func listen(toMetadata metadata: OpaquePointer, for session: PipeWireSession) {
    unsafe aura_pw_metadata_add_listener(metadata, hooks + 2, self.metadata, context(session))
  }

  private func context(_ session: PipeWireSession) -> UnsafeMutableRawPointer {
    unsafe Unmanaged.passUnretained(session).toOpaque()
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
  unsafe session(context)?.failed(object: id, code: code)
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
  guard subject == PW_ID_CORE else { return 0 }
  // Without a key everything about the subject has been cleared.
  let key = unsafe key.map { unsafe String(cString: $0) }
  let name = unsafe value.flatMap { unsafe deviceName(inJSON: $0) }
  unsafe session(context)?.metadataChanged(key: key, deviceName: name)
  return 0
}

private func deviceName(inJSON text: UnsafePointer<CChar>) -> String? {
  var name = [CChar](repeating: 0, count: 512)
  guard unsafe aura_pw_json_name(text, &name, Int32(name.count)) != 0 else { return nil }
  return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
