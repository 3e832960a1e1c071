/// A key or section header of a TOML document, and the line it stands on.
struct TOMLKey: Equatable {
  /// The parts between the dots. Escapes inside quoted parts are left as they are.
  var path: [String]
  var line: Int
  /// Whether it is a `[section]`.
  var isSection: Bool

  /// As it is written, without quotes.
  var text: String { path.joined(separator: ".") }
}

/// Finds the line of every key in a document that a TOML parser has already accepted: TOMLKit tells
/// where a document is wrong, but not where a value stood.
struct TOMLKeyScanner {
  private let bytes: [UInt8]
  private var index = 0
  private var line = 1

  /// The keys and sections of the document in the order they stand there.
  static func keys(of document: String) -> [TOMLKey] {
    var scanner = TOMLKeyScanner(bytes: Array(document.utf8))
    return scanner.scan()
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private var byte: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func scan() -> [TOMLKey] {
    var keys: [TOMLKey] = []
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
    while let byte {
      switch byte {
      case UInt8(ascii: "\n"): newLine()
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): index += 1
      case UInt8(ascii: "#"): skipLine()
      case UInt8(ascii: "["):
        while self.byte == UInt8(ascii: "[") { index += 1 }
        keys.append(TOMLKey(path: keyPath(), line: line, isSection: true))
        skipLine()
      default:
        keys.append(TOMLKey(path: keyPath(), line: line, isSection: false))
        skipValue()
      }
    }
    return keys
  }

  /// Reads the dotted parts up to `=` or `]`, and steps over that.
  private mutating func keyPath() -> [String] {
    var parts: [String] = []
    var part: [UInt8] = []
    while let byte {
      index += 1
      switch byte {
      case UInt8(ascii: "="), UInt8(ascii: "]"):
        return parts + [String(decoding: part, as: UTF8.self)]
      case UInt8(ascii: "."):
        parts.append(String(decoding: part, as: UTF8.self))
        part = []
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        while let next = self.byte, next != byte {
          part.append(next)
          index += 1
        }
        index += 1
      case UInt8(ascii: " "), UInt8(ascii: "\t"): break
      default: part.append(byte)
      }
    }
    return parts
  }

  /// Steps to the end of the line on which the value ends.
  private mutating func skipValue() {
    var depth = 0
    while let byte {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "'"): skipString(byte)
      case UInt8(ascii: "#"): skipLine()
      case UInt8(ascii: "\n"):
        if depth == 0 { return }
        newLine()
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        depth += 1
        index += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        depth -= 1
        index += 1
      default: index += 1
      }
    }
  }

  /// Steps over a string of one line or, in three quotes, of many.
  private mutating func skipString(_ quote: UInt8) {
    let isLong = bytes[index...].starts(with: [quote, quote, quote])
    index += isLong ? 3 : 1
    while let byte {
      if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
        index += 1
        if self.byte == UInt8(ascii: "\n") { newLine() } else { index += 1 }
      } else if byte == UInt8(ascii: "\n") {
        newLine()
      } else if byte == quote, !isLong || bytes[index...].starts(with: [quote, quote, quote]) {
        // Up to two quotes may be the string's own last characters.
        index += isLong ? 3 : 1
        while isLong, self.byte == quote { index += 1 }
        return
      } else {
        index += 1
      }
    }
  }

  private mutating func newLine() {
    index += 1
    line += 1
  }

  private mutating func skipLine() {
    while let byte, byte != UInt8(ascii: "\n") { index += 1 }
  }
}
