internal import Glibc

/// A terminal that gives every key at once and shows none, until `restore`.
///
/// Ctrl-C stays a signal. Ctrl-Z and Ctrl-\ do nothing: they would leave the terminal like this.
package final class TerminalKeys {
  private let before: termios
  private var isChanged = true

  /// Changes the terminal on standard input; nil when there is none.
  package init?() {
    var state = termios()
    guard unsafe tcgetattr(STDIN_FILENO, &state) == 0 else { return nil }
    before = state
    state.c_lflag &= ~tcflag_t(ICANON | ECHO)
    unsafe withUnsafeMutableBytes(of: &state.c_cc) { keys in
      unsafe keys[Int(VMIN)] = 1
      unsafe keys[Int(VTIME)] = 0
      // _POSIX_VDISABLE
      unsafe keys[Int(VSUSP)] = 0
      unsafe keys[Int(VQUIT)] = 0
    }
    guard unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &state) == 0 else { return nil }
  }

  deinit { restore() }

  package var fileDescriptor: Int32 { STDIN_FILENO }

  /// The keys that wait, as bytes; empty at the end of input. Blocks where nothing waits.
  package func read() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = unsafe Glibc.read(STDIN_FILENO, &bytes, bytes.count)
    return Array(bytes.prefix(max(0, count)))
  }

  /// Makes the terminal what it was.
  package func restore() {
    guard isChanged else { return }
    isChanged = false
    var state = before
    _ = unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &state)
  }
}
