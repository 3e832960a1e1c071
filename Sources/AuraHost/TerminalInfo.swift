internal import CLinux
internal import Glibc

/// What is known of the terminal that a standard stream is connected to.
package enum TerminalInfo {
  package enum Stream: Int32, Sendable { case input, output, error }

  /// Whether a person sits at the other end.
  package static func isTerminal(_ stream: Stream) -> Bool {
    isatty(stream.rawValue) == 1
  }

  /// Its width in characters at this moment; nil when it is no terminal or does not tell.
  package static func columns(_ stream: Stream) -> Int? {
    let columns = Int(aura_terminal_columns(stream.rawValue))
    return columns > 0 ? columns : nil
  }

  /// Its height in lines at this moment; nil when it is no terminal or does not tell.
  package static func rows(_ stream: Stream) -> Int? {
    let rows = Int(aura_terminal_rows(stream.rawValue))
    return rows > 0 ? rows : nil
  }
}
