internal import CLinux
internal import Glibc

/// A named operating-system thread that runs one function to its end.
///
/// The media path lives on such threads, never on Swift's cooperative pool: they may wait for
/// an event and can be given real-time priority.
package final class HostThread: @unchecked Sendable {
  // `handle` is written once in init before anyone else sees self, then only read.
  private let handle: pthread_t

  /// Starts the thread.
  ///
  /// - Parameters:
  ///   - name: at most 15 bytes; what `top -H` shows.
  ///   - realTimePriority: asks for SCHED_FIFO with this priority; without permission the thread
  ///     keeps the ordinary scheduler.
  ///   - body: what the thread does.
  package init(
    name: String, realTimePriority: Int32? = nil, _ body: @escaping @Sendable () -> Void
  ) {
    let start = Start(name: name, priority: realTimePriority, body: body)
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(start)
    let failure = unsafe pthread_create(&thread, nil, hostThreadMain, context.toOpaque())
    precondition(failure == 0, "the system has no thread left for \(name)")
    handle = thread
  }

  /// Waits for the thread to end. Call once.
  package func join() {
    pthread_join(handle, nil)
  }

  /// Whether this process may run threads with real-time priority.
  package static var mayUseRealTime: Bool {
    var limit: UInt = 0
    let known = unsafe aura_get_realtime_limit(&limit) == 0
    return geteuid() == 0 || (known && limit > 0)
  }
}

/// What a new thread needs to know; handed over once.
private final class Start: Sendable {
  let name: String
  let priority: Int32?
  let body: @Sendable () -> Void

  init(name: String, priority: Int32?, body: @escaping @Sendable () -> Void) {
    self.name = name
    self.priority = priority
    self.body = body
  }
}

/// A plain function, not a closure: a foreign thread calls it.
private func hostThreadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let context = unsafe context else { return nil }
  let start = unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
  unsafe aura_set_thread_name(start.name)
  if let priority = start.priority {
    var parameters = sched_param(sched_priority: priority)
    unsafe pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters)
  }
  start.body()
  return nil
}
