internal import CPulse

/// What a session asks a server to do, each waiting for the answer. Not on the loop's thread.
extension PulseSession {
  /// A module that the server has loaded.
  struct Module: Equatable {
    var index: UInt32
    var name: String
    var argument: String
  }

  /// Loads a module.
  ///
  /// - Returns: its index; nil when the server refuses or does not answer.
  func loadModule(_ name: String, _ argument: String) -> UInt32? {
    let answer = Answer<UInt32?>(nil, of: self)
    return unsafe request(answer) {
      unsafe pa_context_load_module(context, name, argument, moduleLoaded, $0)
    }
  }

  /// Unloads a module.
  func unloadModule(_ index: UInt32) {
    let answer = Answer<Bool>(false, of: self)
    _ = unsafe request(answer) { unsafe pa_context_unload_module(context, index, requestDone, $0) }
  }

  /// Makes an output the default.
  func chooseOutput(_ name: String) {
    let answer = Answer<Bool>(false, of: self)
    _ = unsafe request(answer) {
      unsafe pa_context_set_default_sink(context, name, requestDone, $0)
    }
  }

  /// The modules that are loaded.
  var modules: [Module] {
    let answer = Answer<[Module]>([], of: self)
    return unsafe request(answer) {
      unsafe pa_context_get_module_info_list(context, moduleDescribed, $0)
    }
  }

  private func request<Value>(
    _ answer: Answer<Value>, _ begin: (UnsafeMutableRawPointer) -> OpaquePointer?
  ) -> Value {
    // After the operation's end nobody calls: the answer may go with this function.
    let me = unsafe Unmanaged.passUnretained(answer).toOpaque()
    let operation = unsafe locked { unsafe begin(me) }
    guard let operation = unsafe operation else { return answer.value }
    _ = wait(until: { answer.isThere || lostReason != nil })
    locked {
      unsafe pa_operation_cancel(operation)
      unsafe pa_operation_unref(operation)
    }
    return answer.value
  }
}

/// What a server's answer becomes; touched on the loop's thread or under its lock.
private final class Answer<Value> {
  var value: Value
  private(set) var isThere = false
  private let session: PulseSession

  init(_ value: Value, of session: PulseSession) {
    self.value = value
    self.session = session
  }

  func complete() {
    isThere = true
    session.signal()
  }
}

// Plain functions, not closures: libpulse's loop thread calls them.

private func answer<Value>(
  _ context: UnsafeMutableRawPointer?, _ type: Value.Type
) -> Answer<Value>? {
  guard let context = unsafe context else { return nil }
  return unsafe Unmanaged<Answer<Value>>.fromOpaque(context).takeUnretainedValue()
}

private func moduleLoaded(
  _ pulse: OpaquePointer?, _ index: UInt32, _ context: UnsafeMutableRawPointer?
) {
  let answer = unsafe answer(context, UInt32?.self)
  answer?.value = index == .max ? nil : index
  answer?.complete()
}

private func requestDone(
  _ pulse: OpaquePointer?, _ success: Int32, _ context: UnsafeMutableRawPointer?
) {
  let answer = unsafe answer(context, Bool.self)
  answer?.value = success != 0
  answer?.complete()
}

private func moduleDescribed(
  _ pulse: OpaquePointer?, _ info: UnsafePointer<pa_module_info>?, _ end: Int32,
  _ context: UnsafeMutableRawPointer?
) {
  let answer = unsafe answer(context, [PulseSession.Module].self)
  guard end == 0, let info = unsafe info?.pointee else {
    answer?.complete()
    return
  }
  unsafe answer?.value.append(
    PulseSession.Module(
      index: info.index, name: info.name.map { unsafe String(cString: $0) } ?? "",
      argument: info.argument.map { unsafe String(cString: $0) } ?? ""))
}
