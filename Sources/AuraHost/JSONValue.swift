/// A JSON value (RFC 8259), for the few programs whose answers we read. Not for the network.
enum JSONValue: Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// Nil when the text is not JSON, or nested more than 64 deep.
  init?(_ text: String) {
    var parser = JSONParser(bytes: Array(text.utf8))
    guard let value = parser.value(depth: 0), parser.isAtEnd() else { return nil }
    self = value
  }

  /// A member of an object; nil for anything else.
  subscript(key: String) -> JSONValue? {
    if case .object(let members) = self { members[key] } else { nil }
  }

  var string: String? { if case .string(let text) = self { text } else { nil } }
  var array: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
  var integer: Int? { if case .number(let number) = self { Int(exactly: number) } else { nil } }

  /// The only member of an object with one, as most of nftables' are.
  var onlyMember: (key: String, value: JSONValue)? {
    guard case .object(let members) = self, members.count == 1 else { return nil }
    return members.first.map { ($0.key, $0.value) }
  }
}

private struct JSONParser {
  let bytes: [UInt8]
  private var place = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

  mutating func isAtEnd() -> Bool {
    skipSpace()
    return next == nil
  }

  mutating func value(depth: Int) -> JSONValue? {
    guard depth < 64 else { return nil }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return object(depth: depth)
    case UInt8(ascii: "["): return array(depth: depth)
    case UInt8(ascii: "\""): return string().map { .string($0) }
    case UInt8(ascii: "t"): return take("true") ? .bool(true) : nil
    case UInt8(ascii: "f"): return take("false") ? .bool(false) : nil
    case UInt8(ascii: "n"): return take("null") ? .null : nil
    default: return number()
    }
  }

  private mutating func skipSpace() {
    while let byte = next, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { place += 1 }
  }

  private mutating func take(_ word: String) -> Bool {
    guard bytes[place...].starts(with: word.utf8) else { return false }
    place += word.utf8.count
    return true
  }

  private mutating func object(depth: Int) -> JSONValue? {
    place += 1
    var members: [String: JSONValue] = [:]
    skipSpace()
    if take("}") { return .object(members) }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\""), let key = string() else { return nil }
      skipSpace()
      guard take(":"), let member = value(depth: depth + 1) else { return nil }
      members[key] = member
      skipSpace()
      if take("}") { return .object(members) }
      guard take(",") else { return nil }
    }
  }

  private mutating func array(depth: Int) -> JSONValue? {
    place += 1
    var elements: [JSONValue] = []
    skipSpace()
    if take("]") { return .array(elements) }
    while true {
      guard let element = value(depth: depth + 1) else { return nil }
      elements.append(element)
      skipSpace()
      if take("]") { return .array(elements) }
      guard take(",") else { return nil }
    }
  }

  private mutating func number() -> JSONValue? {
    let digits = bytes[place...].prefix { UInt8(ascii: "+")...UInt8(ascii: "e") ~= $0 }
      .prefix { "+-.0123456789eE".utf8.contains($0) }
    guard !digits.isEmpty, let number = Double(String(decoding: digits, as: UTF8.self)) else {
      return nil
    }
    place += digits.count
    return .number(number)
  }

  private mutating func string() -> String? {
    place += 1
    var text: [UInt8] = []
    while let byte = next {
      place += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let escaped = escape() else { return nil }
        text += escaped
      default: text.append(byte)
      }
    }
    return nil
  }

  private mutating func escape() -> [UInt8]? {
    guard let kind = next else { return nil }
    place += 1
    switch kind {
    case UInt8(ascii: "n"): return [0x0a]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "r"): return [0x0d]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0c]
    case UInt8(ascii: "u"):
      guard let unit = hexadecimal() else { return nil }
      // The second half of a pair follows in the same way; nftables' answers have neither.
      if let scalar = Unicode.Scalar(unit) { return Array(String(scalar).utf8) }
      return Array("\u{FFFD}".utf8)
    default: return [kind]
    }
  }

  private mutating func hexadecimal() -> UInt32? {
    let digits = String(decoding: bytes[place...].prefix(4), as: UTF8.self)
    guard digits.count == 4, let unit = UInt32(digits, radix: 16) else { return nil }
    place += 4
    return unit
  }
}
