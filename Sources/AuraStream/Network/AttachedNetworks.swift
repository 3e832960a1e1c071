/// The networks that this computer is directly part of: who is in them may listen unasked.
package struct AttachedNetworks: Equatable, Sendable {
  package var networks: [IPNetwork]

  package init(_ networks: [IPNetwork] = []) { self.networks = networks }

  /// Whether an address is this computer's own or that of a direct neighbour.
  ///
  /// Loopback and link-local addresses always are: no router passes them on.
  package func contains(_ address: IPAddress) -> Bool {
    address.isLoopback || address.isLinkLocal
      || networks.contains { $0.contains(address) }
  }

  /// Whether an address, given as 4 or 16 bytes in network order, is attached. IPv4 inside IPv6
  /// counts as IPv4; any other count of bytes is never attached.
  package func contains(bytes: [UInt8]) -> Bool {
    IPAddress(bytes: bytes).map { contains($0) } ?? false
  }
}
