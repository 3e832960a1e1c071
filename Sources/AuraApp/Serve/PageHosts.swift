internal import AuraHost
internal import AuraStream

/// The hosts in the addresses that people are given.
struct PageHosts {
  /// As they stand in URLs, the likeliest to be reached first.
  let list: [String]
  /// Those that are numeric addresses.
  let addresses: [IPAddress]

  /// - Parameters:
  ///   - settings: what was chosen (`--address`), and which addresses are bound.
  ///   - interfaces: what this computer has.
  init(_ settings: Settings, _ interfaces: NetworkInterfaces) {
    let bound = settings.bind.compactMap { IPAddress($0) }
    let reachable = Self.reachable(bound, interfaces)
    guard let chosen = settings.address else {
      list = reachable.map(\.bracketed)
      addresses = reachable
      return
    }
    // It may be an address we do not see: that of a router, or of what a container runs in.
    let chosenAddress = IPAddress(chosen)
    let first = chosenAddress?.bracketed ?? chosen
    list = [first] + reachable.map(\.bracketed).filter { $0 != first }
    addresses = (chosenAddress.map { [$0] } ?? []) + reachable.filter { $0 != chosenAddress }
  }

  /// The addresses others can use; of those bound, if some are.
  private static func reachable(
    _ bound: [IPAddress], _ interfaces: NetworkInterfaces
  ) -> [IPAddress] {
    let usable = interfaces.usableAddresses
    if bound.isEmpty { return usable }
    return bound.flatMap { address in
      address.isUnspecified ? usable.filter { $0.isIPv4 == address.isIPv4 } : [address]
    }
  }
}
