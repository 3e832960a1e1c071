internal import CLinux
internal import Glibc
internal import Synchronization

/// How the terminal of standard input is set, and how it was before.
///
/// Only the thread of `TerminalKeys` changes it; a signal that ends the process at once puts it back.
enum TerminalMode {
  /// Given when the terminal may have to be set again, or put back.
  static let wakeUp = WakeUp()

  private static let lineMode = tcflag_t(ICANON | ECHO)

  /// Whether we may touch it. While another job is in its foreground it is that one's; where it controls
  /// no jobs of ours (ENOTTY) there is no other.
  static var isOurs: Bool {
    let foreground = tcgetpgrp(STDIN_FILENO)
    return foreground < 0 || foreground == getpgrp()
  }

  /// Keys come one by one, and unseen. Where somebody has set it anew, such as a shell while we were
  /// stopped, that is what it is put back to.
  static func enter() {
    var mode = termios()
    guard unsafe tcgetattr(STDIN_FILENO, &mode) == 0, mode.c_lflag & lineMode != 0 else { return }
    isChanged.store(false, ordering: .sequentiallyConsistent)
    unsafe former.initialize(to: mode)
    isChanged.store(true, ordering: .sequentiallyConsistent)
    mode.c_lflag &= ~lineMode
    unsafe withUnsafeMutableBytes(of: &mode.c_cc) { keys in
      unsafe keys[Int(VMIN)] = 1
      unsafe keys[Int(VTIME)] = 0
      // _POSIX_VDISABLE
      unsafe keys[Int(VQUIT)] = 0
    }
    _ = unsafe tcsetattr(STDIN_FILENO, TCSANOW, &mode)
  }

  /// As it was before. Async-signal-safe, once `prepare` has run.
  static func restore() {
    guard isOurs, isChanged.exchange(false, ordering: .sequentiallyConsistent) else { return }
    _ = unsafe tcsetattr(STDIN_FILENO, TCSANOW, former)
  }

  /// What `restore` touches is there before a signal can come.
  static func prepare() {
    isChanged.store(false, ordering: .sequentiallyConsistent)
    unsafe former.initialize(to: termios())
  }

  // MARK: Ctrl-Z

  /// From now on Ctrl-Z is for `suspendIfAsked`, and going on gives the wake-up. Where Ctrl-Z is
  /// ignored it stays so.
  static func takeSuspension() {
    isSuspensionAsked.store(false, ordering: .releasing)
    modeDescriptor.store(wakeUp.fileDescriptor, ordering: .releasing)
    aura_handle_signal(SIGCONT, jobSignalArrived)
    if aura_signal_is_ignored(SIGTSTP) == 0 { aura_handle_signal(SIGTSTP, jobSignalArrived) }
  }

  /// As before `takeSuspension`.
  static func leaveSuspension() {
    aura_handle_signal(SIGCONT, SIG_DFL)
    if aura_signal_is_ignored(SIGTSTP) == 0 { aura_handle_signal(SIGTSTP, SIG_DFL) }
  }

  /// Stops the process as Ctrl-Z does, with the terminal put back; returns when it goes on.
  static func suspendIfAsked() {
    guard isSuspensionAsked.exchange(false, ordering: .acquiring) else { return }
    restore()
    // Not SIGSTOP: where nobody could let us go on, the system does not stop us.
    aura_handle_signal(SIGTSTP, SIG_DFL)
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGTSTP)
    raise(SIGTSTP)
    // Our thread may have been born with it blocked.
    unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    aura_handle_signal(SIGTSTP, jobSignalArrived)
  }
}

/// What the terminal was set to before `enter`; valid while `isChanged`.
nonisolated(unsafe) private let former = UnsafeMutablePointer<termios>.allocate(capacity: 1)
private let isChanged = Atomic(false)
private let isSuspensionAsked = Atomic(false)
private let modeDescriptor = Atomic<Int32>(-1)

/// A plain function of async-signal-safe steps only; see `SignalWakeUp`.
private func jobSignalArrived(_ number: Int32) {
  let before = errno
  if number == SIGTSTP { isSuspensionAsked.store(true, ordering: .releasing) }
  var one: UInt64 = 1
  _ = unsafe write(modeDescriptor.load(ordering: .acquiring), &one, 8)
  errno = before
}
