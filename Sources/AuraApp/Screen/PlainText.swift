extension String {
  /// Without the blanks around it.
  var trimmed: String {
    let start = drop(while: \.isWhitespace)
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(start[...last])
  }

  /// Safe to show on a terminal: names from devices, files and the network can hold anything.
  var withoutControlCharacters: String {
    String(String.UnicodeScalarView(unicodeScalars.map { $0.isControl ? "\u{FFFD}" : $0 }))
  }
}

extension Unicode.Scalar {
  /// Whether a terminal would obey it rather than show it.
  var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}
