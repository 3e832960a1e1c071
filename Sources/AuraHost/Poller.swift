internal import AuraStream
internal import CLinux
internal import Glibc

/// Waits for many file descriptors at once (epoll); for one thread.
package struct Poller: ~Copyable {
  /// What a descriptor is watched for, and what it turned out to be.
  package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = Self(rawValue: EPOLLIN.rawValue)
    package static let writable = Self(rawValue: EPOLLOUT.rawValue)
    /// Broken or closed from both sides; always watched for.
    package static let broken = Self(rawValue: EPOLLERR.rawValue | EPOLLHUP.rawValue)
  }

  /// A descriptor that is ready.
  package struct Event: Sendable {
    package var descriptor: Int32
    package var readiness: Readiness
  }

  private static let mostEvents = 64
  private let descriptor: Int32
  private var events: [Event] = []

  package init() {
    descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    precondition(descriptor >= 0, "the system has no file descriptor left for epoll")
    events.reserveCapacity(Self.mostEvents)
  }

  deinit { close(descriptor) }

  /// Begins to watch a descriptor.
  package func add(_ descriptor: Int32, for readiness: Readiness) {
    control(EPOLL_CTL_ADD, descriptor, readiness)
  }

  /// Changes what a descriptor is watched for.
  package func change(_ descriptor: Int32, to readiness: Readiness) {
    control(EPOLL_CTL_MOD, descriptor, readiness)
  }

  /// Stops watching a descriptor; before it is closed.
  package func remove(_ descriptor: Int32) {
    control(EPOLL_CTL_DEL, descriptor, [])
  }

  private func control(_ operation: Int32, _ watched: Int32, _ readiness: Readiness) {
    var event = unsafe epoll_event()
    unsafe event.events = readiness.rawValue
    unsafe event.data.fd = watched
    unsafe epoll_ctl(descriptor, operation, watched, &event)
  }

  /// Waits until something is ready or the time is over.
  ///
  /// - Parameter timeout: rounded down to milliseconds.
  /// - Returns: what is ready; the rest comes with the next call.
  package mutating func wait(timeout: Duration) -> [Event] {
    events.removeAll(keepingCapacity: true)
    let milliseconds = Int32(clamping: max(0, timeout.inNanoseconds / 1_000_000))
    unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.mostEvents) {
      (ready: UnsafeMutableBufferPointer<epoll_event>) in
      let count = unsafe epoll_wait(
        descriptor, ready.baseAddress, Int32(Self.mostEvents), milliseconds)
      for index in 0..<max(0, Int(count)) {
        let event = unsafe ready[index]
        unsafe events.append(
          Event(descriptor: event.data.fd, readiness: Readiness(rawValue: event.events)))
      }
    }
    return events
  }
}
