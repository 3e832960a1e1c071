internal import AuraStream
internal import CLinux
internal import Glibc

/// A wake-up that any thread may give and one thread waits for (an eventfd).
///
/// Signalling never blocks, locks or allocates, so the audio callback may do it. Signals given
/// before the wait are not lost; several of them wake the waiter once.
package final class WakeUp: Sendable {
  /// For poll(2) and epoll(7): readable when signalled.
  package let fileDescriptor: Int32

  package init() {
    fileDescriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    precondition(fileDescriptor >= 0, "the system has no file descriptor left for an eventfd")
  }

  deinit { close(fileDescriptor) }

  /// Wakes the waiting thread, or its next wait.
  package func signal() {
    var one: UInt64 = 1
    _ = unsafe write(fileDescriptor, &one, 8)
  }

  /// Takes every signal given so far, without waiting.
  package func drain() {
    var count: UInt64 = 0
    _ = unsafe read(fileDescriptor, &count, 8)
  }

  /// Waits until signalled or until `timeout` has passed; nil waits for ever.
  ///
  /// - Returns: whether it was signalled.
  @discardableResult
  package func wait(timeout: Duration?) -> Bool {
    var descriptor = pollfd(fd: fileDescriptor, events: Int16(POLLIN), revents: 0)
    let ready: Int32
    if let timeout {
      let nanoseconds = max(0, timeout.inNanoseconds)
      var time = timespec(
        tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
      ready = unsafe ppoll(&descriptor, 1, &time, nil)
    } else {
      ready = unsafe poll(&descriptor, 1, -1)
    }
    guard ready > 0 else { return false }
    drain()
    return true
  }
}
