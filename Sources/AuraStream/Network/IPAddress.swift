/// An IPv4 or IPv6 address, without a port.
package struct IPAddress: Hashable, Sendable {
  /// 4 or 16 bytes in network order.
  package let bytes: [UInt8]
  /// The interface a link-local IPv6 address belongs to, as written after `%`; else nil.
  package let zone: String?

  /// The address in network order; nil unless there are 4 or 16 bytes.
  package init?(bytes: [UInt8], zone: String? = nil) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    self.init(unchecked: bytes, zone: zone)
  }

  private init(unchecked bytes: [UInt8], zone: String? = nil) {
    self.bytes = bytes
    self.zone = bytes.count == 16 ? zone : nil
  }

  package var isIPv4: Bool { bytes.count == 4 }
  package var isIPv6: Bool { bytes.count == 16 }

  private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

  /// IPv4 inside IPv6 (`::ffff:192.0.2.1`) as IPv4; any other address as it is.
  package var unmapped: IPAddress {
    isIPv6 && bytes.starts(with: Self.mappedPrefix)
      ? IPAddress(unchecked: Array(bytes[12...])) : self
  }

  /// The computer itself: 127.0.0.0/8 or ::1.
  package var isLoopback: Bool {
    let address = unmapped.bytes
    return address.count == 4
      ? address[0] == 127 : address.dropLast().allSatisfy { $0 == 0 } && address[15] == 1
  }

  /// Never routed: 169.254.0.0/16 or fe80::/10.
  package var isLinkLocal: Bool {
    let address = unmapped.bytes
    return address.count == 4
      ? address[0] == 169 && address[1] == 254
      : address[0] == 0xfe && address[1] & 0xc0 == 0x80
  }

  /// "All addresses" when bound to: 0.0.0.0 or ::.
  package var isUnspecified: Bool { bytes.allSatisfy { $0 == 0 } }

  /// For groups, not for one computer: 224.0.0.0/4 or ff00::/8.
  package var isMulticast: Bool {
    let address = unmapped.bytes
    return address.count == 4 ? address[0] >> 4 == 14 : address[0] == 0xff
  }
}

// MARK: As people write it

extension IPAddress: CustomStringConvertible {
  /// An address as people write it: `192.0.2.1`, `2001:db8::1`, `fe80::1%eth0`.
  ///
  /// - Returns: nil for anything else: a name, a port behind it, brackets, leading zeros.
  package init?(_ text: some StringProtocol) {
    if let bytes = Self.ipv4Bytes(text) {
      self.init(unchecked: bytes)
      return
    }
    let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = parts.first else { return nil }
    let zone = parts.count == 2 ? String(parts[1]) : nil
    guard zone?.isEmpty != true, address.contains(":"), let bytes = Self.ipv6Bytes(address) else {
      return nil
    }
    self.init(unchecked: bytes, zone: zone)
  }

  /// The canonical text (RFC 5952).
  package var description: String {
    if isIPv4 { return bytes.map(String.init).joined(separator: ".") }
    let suffix = zone.map { "%\($0)" } ?? ""
    let inner = unmapped
    if inner.isIPv4 { return "::ffff:\(inner)\(suffix)" }
    let groups = (0..<8).map { Int(bytes[2 * $0]) << 8 | Int(bytes[2 * $0 + 1]) }
    let zeros = Self.longestZeroRun(groups)
    let hexadecimal = { (groups: ArraySlice<Int>) in
      groups.map { String($0, radix: 16) }.joined(separator: ":")
    }
    guard !zeros.isEmpty else { return hexadecimal(groups[...]) + suffix }
    return "\(hexadecimal(groups[..<zeros.lowerBound]))::"
      + "\(hexadecimal(groups[zeros.upperBound...]))\(suffix)"
  }

  /// The address as it stands before `:port`: IPv6 in brackets.
  package var bracketed: String { isIPv4 ? description : "[\(description)]" }

  /// Byte by byte: each join asks for several.
  private static func ipv4Bytes(_ text: some StringProtocol) -> [UInt8]? {
    var bytes: [UInt8] = []
    var number: Int?
    for unit in text.utf8 {
      switch unit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        guard number != 0 else { return nil }
        let next = 10 * (number ?? 0) + Int(unit - UInt8(ascii: "0"))
        guard next <= UInt8.max else { return nil }
        number = next
      case UInt8(ascii: "."):
        guard let part = number, bytes.count < 3 else { return nil }
        bytes.append(UInt8(part))
        number = nil
      default: return nil
      }
    }
    guard let part = number, bytes.count == 3 else { return nil }
    return bytes + [UInt8(part)]
  }

  private static func ipv6Bytes(_ text: some StringProtocol) -> [UInt8]? {
    // "::" at most once; what stands on its two sides fills the front and the back.
    var sides: [Substring] = []
    var rest = Substring(text)
    while let gap = rest.firstIndex(where: { $0 == ":" }) {
      let next = rest.index(after: gap)
      if next < rest.endIndex, rest[next] == ":" {
        sides.append(Substring(text)[..<gap])
        sides.append(Substring(text)[rest.index(after: next)...])
        break
      }
      rest = rest[next...]
    }
    if sides.isEmpty {
      return groupBytes(Substring(text)).flatMap { $0.count == 16 ? $0 : nil }
    }
    guard !sides[0].contains("."), let front = groupBytes(sides[0]),
      let back = groupBytes(sides[1]),
      front.count + back.count <= 14
    else { return nil }
    return front + [UInt8](repeating: 0, count: 16 - front.count - back.count) + back
  }

  /// The bytes of groups between colons; the last may be an IPv4 address.
  private static func groupBytes(_ text: Substring) -> [UInt8]? {
    guard !text.isEmpty else { return [] }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count <= 8 else { return nil }
    var bytes: [UInt8] = []
    for (index, part) in parts.enumerated() {
      if index == parts.count - 1, part.contains(".") {
        guard let tail = ipv4Bytes(part) else { return nil }
        bytes += tail
      } else {
        guard (1...4).contains(part.count), part.allSatisfy({ $0.isHexDigit && $0.isASCII }),
          let group = UInt16(part, radix: 16)
        else { return nil }
        bytes += [UInt8(group >> 8), UInt8(group & 0xff)]
      }
    }
    return bytes
  }

  /// The first of the longest runs of two zero groups or more; empty when there is none.
  private static func longestZeroRun(_ groups: [Int]) -> Range<Int> {
    var best = 0..<0
    var start = 0
    for index in 0...groups.count where index == groups.count || groups[index] != 0 {
      if index - start > max(1, best.count) { best = start..<index }
      start = index + 1
    }
    return best
  }
}
