internal import AuraHost

/// The last line of a terminal, or the last few, written over again and again, with ordinary lines
/// above.
///
/// For one thread. Away from a terminal there is no such line, and only ordinary lines are written.
final class LiveLine {
  private let output: Output
  private let isTerminal: Bool
  /// How many lines live now.
  private var shown = 0

  init(_ output: Output) {
    self.output = output
    isTerminal = output.format == .text && TerminalInfo.isTerminal(.output)
  }

  /// Whether there is a terminal to write on.
  var isLive: Bool { isTerminal }

  /// Writes over the live line; nothing away from a terminal.
  func show(_ text: String) { show([text]) }

  /// Writes over the live lines, as many as fit; nothing away from a terminal.
  func show(_ lines: [String]) {
    guard isTerminal else { return }
    let columns = TerminalInfo.columns(.output) ?? 80
    // A line that has left the screen at its top cannot be written over.
    let lines = lines.prefix(max(1, (TerminalInfo.rows(.output) ?? 24) - 1))
    // One column stays free: writing into the last one would wrap.
    let text = lines.map { $0.withoutControlCharacters.prefix(max(10, columns - 1)) + "\u{1B}[K" }
    output.write(toFirstLine + text.joined(separator: "\n") + "\u{1B}[J")
    shown = lines.count
  }

  /// Writes what happened above the live line; as `Output.event`.
  func event(_ name: String, _ fields: JSONValue = [:], text: @autoclosure () -> String?) {
    clear()
    output.event(name, fields, text: text())
  }

  /// Takes the live lines away.
  func clear() {
    guard shown > 0 else { return }
    output.write(toFirstLine + "\u{1B}[J")
    shown = 0
  }

  private var toFirstLine: String { shown > 1 ? "\r\u{1B}[\(shown - 1)A" : "\r" }
}
