/// A range of addresses with a common beginning, such as 192.168.1.0/24.
package struct IPNetwork: Hashable, Sendable {
  /// The first address; every bit behind the prefix is zero.
  package let address: IPAddress
  /// Bits that all its addresses share.
  package let prefixLength: Int

  /// The network that `address` is in; one of IPv4 inside IPv6 (`::ffff:10.0.0.0/104`) is IPv4's.
  ///
  /// - Parameters:
  ///   - address: any address of it; a zone is left out.
  ///   - prefixLength: clamped to what the address has.
  package init(_ address: IPAddress, prefixLength: Int) {
    var (address, prefixLength) = (address, prefixLength)
    if address.isIPv6, address.unmapped.isIPv4, prefixLength >= 96 {
      (address, prefixLength) = (address.unmapped, min(prefixLength, 128) - 96)
    }
    let length = min(max(0, prefixLength), address.bytes.count * 8)
    let bytes = address.bytes.enumerated().map { index, byte in
      byte & Self.mask(bits: length - index * 8)
    }
    self.address = IPAddress(bytes: bytes) ?? address
    self.prefixLength = length
  }

  /// A network as people write it: `10.0.0.0/8`; an address alone is a network of one.
  package init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(first) else { return nil }
    let longest = address.bytes.count * 8
    guard parts.count == 2 else {
      self.init(address, prefixLength: longest)
      return
    }
    guard let length = Int(parts[1]), (0...longest).contains(length) else { return nil }
    self.init(address, prefixLength: length)
  }

  /// Whether an address is in it; IPv4 inside IPv6 counts as IPv4.
  package func contains(_ other: IPAddress) -> Bool {
    let bytes = other.unmapped.bytes
    guard bytes.count == address.bytes.count else { return false }
    return zip(address.bytes, bytes).enumerated().allSatisfy { index, pair in
      (pair.0 ^ pair.1) & Self.mask(bits: prefixLength - index * 8) == 0
    }
  }

  /// Whether every address of `other` is in it.
  package func contains(_ other: IPNetwork) -> Bool {
    prefixLength <= other.prefixLength && contains(other.address)
  }

  private static func mask(bits: Int) -> UInt8 {
    switch bits {
    case ..<1: 0
    case 8...: 0xff
    default: UInt8(truncatingIfNeeded: 0xff00 >> bits)
    }
  }
}

extension IPNetwork: CustomStringConvertible {
  package var description: String { "\(address)/\(prefixLength)" }
}
