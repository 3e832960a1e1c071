internal import AuraStream
internal import CLinux
internal import Glibc
internal import Synchronization

/// A signal that asks this program to end.
package enum HostSignal: Sendable {
  /// Ctrl-C.
  case interrupt
  case terminate
  /// The terminal is gone.
  case hangUp

  fileprivate init?(number: Int32) {
    switch number {
    case SIGINT: self = .interrupt
    case SIGTERM: self = .terminate
    case SIGHUP: self = .hangUp
    default: return nil
    }
  }
}

/// SIGINT, SIGTERM and SIGHUP as a wake-up, for a thread that then ends everything in order.
///
/// A second Ctrl-C ends the process at once, with code 130 and the terminal as it was: whatever hangs,
/// the person wins.
/// (The kernel takes our children along.) SIGHUP stays ignored under nohup. SIGPIPE is ignored:
/// a reader that went away is an error of the write.
package enum SignalWakeUp {
  /// Signalled when one of the signals comes.
  package static let wakeUp = WakeUp()

  /// The first of the signals that came; nil as long as none did.
  package static var received: HostSignal? {
    HostSignal(number: firstSignal.load(ordering: .acquiring))
  }

  /// Begins to take the signals. Once, early, before other threads start.
  package static func install() {
    // Everything the handler touches is there before it can run.
    handlerDescriptor.store(wakeUp.fileDescriptor, ordering: .releasing)
    firstSignal.store(0, ordering: .releasing)
    firstInterrupt.store(0, ordering: .releasing)
    TerminalMode.prepare()
    aura_ignore_signal(SIGPIPE)
    aura_handle_signal(SIGINT, signalArrived)
    aura_handle_signal(SIGTERM, signalArrived)
    if aura_signal_is_ignored(SIGHUP) == 0 { aura_handle_signal(SIGHUP, signalArrived) }
  }
}

private let handlerDescriptor = Atomic<Int32>(-1)
private let firstSignal = Atomic<Int32>(0)
/// When the first Ctrl-C came, in ns; 0: not yet.
private let firstInterrupt = Atomic<Int64>(0)

/// timeout(1) sends its signal twice in a row, to us and to our group: that is one Ctrl-C.
private let sameInterrupt: Int64 = 100_000_000

/// A plain function, not a closure, of async-signal-safe steps only: it runs between any two
/// instructions of any thread.
private func signalArrived(_ number: Int32) {
  let before = errno
  if number == SIGINT {
    let now = HostClock.now.nanoseconds
    let (isFirst, earlier) = firstInterrupt.compareExchange(
      expected: 0, desired: now, ordering: .relaxed)
    if !isFirst, now - earlier > sameInterrupt {
      TerminalMode.restore()
      _exit(130)
    }
  }
  _ = firstSignal.compareExchange(expected: 0, desired: number, ordering: .acquiringAndReleasing)
  var one: UInt64 = 1
  _ = unsafe write(handlerDescriptor.load(ordering: .acquiring), &one, 8)
  errno = before
}
