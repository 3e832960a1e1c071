/// The lines of a session description, sorted into their sections (RFC 8866).
struct SDPText {
  /// The longest line read, in bytes.
  static let longestLine = 4096
  /// The most m= sections read.
  static let mostSections = 64

  struct Section {
    /// The value of the m= line, four words at least; empty for the session's own lines.
    var media = ""
    /// What stands after `a=`, split at the first colon, in order.
    var attributes: [(name: String, value: String)] = []

    /// The value of the first such attribute; empty for a flag.
    subscript(name: String) -> String? { attributes.first { $0.name == name }?.value }

    func values(_ name: String) -> some Sequence<String> {
      attributes.lazy.filter { $0.name == name }.map(\.value)
    }
  }

  var session = Section()
  var media: [Section] = []

  init(parsing text: String) throws(SDPError) {
    let bytes = text.utf8
    guard bytes.count <= SessionOffer.longest else { throw .tooLong(bytes: bytes.count) }
    var number = 0
    // Split as bytes: to a String, \r\n is one character.
    for slice in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      let line = slice.last == UInt8(ascii: "\r") ? slice.dropLast() : slice
      guard number > 1 || line.elementsEqual("v=0".utf8) else { throw .notSDP }
      guard !line.isEmpty else { continue }
      guard line.count <= Self.longestLine else { throw .lineTooLong(line: number) }
      // What is echoed in the answer must not be able to break its lines.
      guard line.dropFirst().first == UInt8(ascii: "="),
        line.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 })
      else { throw .malformed(line: number) }
      try add(line.first ?? 0, String(decoding: line.dropFirst(2), as: UTF8.self), number)
    }
  }

  private mutating func add(_ kind: UInt8, _ value: String, _ number: Int) throws(SDPError) {
    switch kind {
    case UInt8(ascii: "m"):
      guard value.split(separator: " ").count >= 4 else { throw .malformed(line: number) }
      guard media.count < Self.mostSections else { throw .tooManySections }
      media.append(Section(media: value))
    case UInt8(ascii: "a"):
      // Bytes again: by characters this would be a third of what a join costs.
      let colon = value.utf8.firstIndex(of: UInt8(ascii: ":"))
      let attribute = (
        name: String(value[..<(colon ?? value.endIndex)]),
        value: colon.map { value[value.utf8.index(after: $0)...].trimmed } ?? ""
      )
      if media.isEmpty {
        session.attributes.append(attribute)
      } else {
        media[media.count - 1].attributes.append(attribute)
      }
    default: break
    }
  }
}

extension Substring {
  /// Without the spaces around it.
  var trimmed: String {
    func isOther(_ byte: UInt8) -> Bool { byte != UInt8(ascii: " ") }
    guard let first = utf8.firstIndex(where: isOther), let last = utf8.lastIndex(where: isOther)
    else { return "" }
    return String(self[first..<utf8.index(after: last)])
  }
}
