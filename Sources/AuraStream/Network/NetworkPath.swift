/// A UDP address: an IPv4 or IPv6 address with a port. A value without any storage of its own.
package struct Endpoint: Hashable, Sendable {
  /// The address in network order, as two big-endian halves; IPv4 as `::ffff:a.b.c.d`.
  package var upper: UInt64
  package var lower: UInt64
  /// In host order.
  package var port: UInt16
  /// The interface a link-local IPv6 address belongs to; else 0.
  package var scope: UInt32

  package init(upper: UInt64, lower: UInt64, port: UInt16, scope: UInt32 = 0) {
    self.upper = upper
    self.lower = lower
    self.port = port
    self.scope = scope
  }

  /// An address that is given as a value; a zone is left out.
  package init(_ address: IPAddress, port: UInt16) {
    let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
    let bytes = address.isIPv4 ? mapped + address.bytes : address.bytes
    self.init(
      upper: bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) },
      lower: bytes[8...].reduce(0) { $0 << 8 | UInt64($1) }, port: port)
  }

  /// Whether it is IPv4, which is sent through IPv4 sockets.
  package var isIPv4: Bool { upper == 0 && lower >> 32 == 0xffff }

  /// No address: nothing is known.
  package var isUnspecified: Bool { upper == 0 && (lower == 0 || lower == 0xffff_0000_0000) }

  /// The address alone: 4 or 16 bytes in network order.
  package var addressBytes: [UInt8] {
    let lowerBytes = (0..<8).map { UInt8(truncatingIfNeeded: lower >> (56 - 8 * UInt64($0))) }
    if isIPv4 { return Array(lowerBytes[4...]) }
    return (0..<8).map { UInt8(truncatingIfNeeded: upper >> (56 - 8 * UInt64($0))) } + lowerBytes
  }
}

extension Endpoint: CustomStringConvertible {
  /// As people write it: `192.0.2.1:5555`, `[2001:db8::1]:5555`.
  package var description: String {
    "\(IPAddress(bytes: addressBytes)?.bracketed ?? "?"):\(port)"
  }
}

/// A way to a peer: its endpoint, and which of our addresses it speaks to.
///
/// A host with several addresses must answer from the one that was asked, or the answer is not
/// believed (RFC 8445 section 7.2.5.2.1).
package struct NetworkPath: Hashable, Sendable {
  package var remote: Endpoint
  /// Our own address; its port is not used. Unspecified: the system chooses.
  package var local: Endpoint

  package init(remote: Endpoint, local: Endpoint = Endpoint(upper: 0, lower: 0, port: 0)) {
    self.remote = remote
    self.local = local
  }
}
