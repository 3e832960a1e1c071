internal import AuraWeb

/// A QR code in characters, two modules in each.
enum TerminalCode {
  /// Black on white whatever the terminal's colours: cameras want dark on light, and a quiet zone.
  private static let begin = "\u{1B}[38;5;16;48;5;231m"
  private static let end = "\u{1B}[0m"

  /// How wide it is with its quiet zone.
  static func columns(of code: QRCode) -> Int { code.size + 2 * QRCode.quietZone }

  /// Its lines, from the top.
  static func rows(of code: QRCode) -> [String] {
    let edges = -QRCode.quietZone..<code.size + QRCode.quietZone
    return stride(from: edges.lowerBound, to: edges.upperBound, by: 2).map { row in
      let characters = edges.map { column in
        switch (code.isDark(column: column, row: row), code.isDark(column: column, row: row + 1)) {
        case (true, true): "█"
        case (true, false): "▀"
        case (false, true): "▄"
        case (false, false): " "
        }
      }
      return begin + characters.joined() + end
    }
  }
}
