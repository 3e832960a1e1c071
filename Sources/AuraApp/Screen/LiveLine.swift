internal import AuraHost

/// The last line of a terminal, written over again and again, with ordinary lines above it.
///
/// For one thread. Away from a terminal there is no such line, and only ordinary lines are written.
final class LiveLine {
  private let output: Output
  private let isTerminal: Bool
  private var isShown = false

  init(_ output: Output) {
    self.output = output
    isTerminal = output.format == .text && TerminalInfo.isTerminal(.output)
  }

  /// Whether there is a terminal to write on.
  var isLive: Bool { isTerminal }

  /// Writes over the live line; nothing away from a terminal.
  func show(_ text: String) {
    guard isTerminal else { return }
    let columns = TerminalInfo.columns(.output) ?? 80
    // One column stays free: writing into the last one would wrap.
    output.write("\r" + text.withoutControlCharacters.prefix(max(10, columns - 1)) + "\u{1B}[K")
    isShown = true
  }

  /// Writes what happened above the live line; as `Output.event`.
  func event(_ name: String, _ fields: JSONValue = [:], text: @autoclosure () -> String?) {
    clear()
    output.event(name, fields, text: text())
  }

  private func clear() {
    guard isShown else { return }
    output.write("\r\u{1B}[K")
    isShown = false
  }
}
