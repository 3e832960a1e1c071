package import AuraStream
internal import CLinux
internal import Glibc

/// A network interface with its addresses, as it is at one moment.
package struct NetworkInterface: Equatable, Sendable {
  /// An address and the network that can be reached through it without a router.
  package struct Address: Equatable, Sendable {
    package var address: IPAddress
    package var network: IPNetwork
    /// Not for others to use: about to go, not yet checked, or changing for privacy's sake.
    package var isPassing = false

    package init(_ address: IPAddress, network: IPNetwork, isPassing: Bool = false) {
      self.address = address
      self.network = network
      self.isPassing = isPassing
    }
  }

  package var name: String
  /// Switched on and connected.
  package var isUp: Bool
  package var isLoopback: Bool
  package var addresses: [Address]

  package init(name: String, isUp: Bool, isLoopback: Bool, addresses: [Address]) {
    self.name = name
    self.isUp = isUp
    self.isLoopback = isLoopback
    self.addresses = addresses
  }

  /// Names of what containers, virtual machines and tunnels use: phones are not behind them.
  private static let innerNames = [
    "docker", "br-", "veth", "virbr", "vnet", "vmnet", "vboxnet", "tun", "tap", "wg", "tailscale",
    "zt", "lxc", "lxdbr", "incusbr", "podman", "cni", "flannel", "cali", "dummy", "ppp", "ipsec",
    "nebula", "utun", "waydroid",
  ]

  /// Whether it leads into this computer or a tunnel rather than onto a cable or into the air.
  package var isInner: Bool { Self.innerNames.contains { name.hasPrefix($0) } }
}

/// The interfaces of this computer. Reads; changes nothing; never waits.
package struct NetworkInterfaces: Equatable, Sendable {
  package var interfaces: [NetworkInterface]
  /// The interfaces of the default routes, the preferred one first.
  package var defaultRouteNames: [String]
  /// Networks reached without a router that no address tells of.
  package var onLinkNetworks: [IPNetwork]

  package init(
    interfaces: [NetworkInterface], defaultRouteNames: [String],
    onLinkNetworks: [IPNetwork] = []
  ) {
    self.interfaces = interfaces
    self.defaultRouteNames = defaultRouteNames
    self.onLinkNetworks = onLinkNetworks
  }

  /// The interfaces that are up, the one that a phone on the local network reaches first.
  package var usable: [NetworkInterface] {
    let rank = { (interface: NetworkInterface) -> Int in
      let place = defaultRouteNames.firstIndex(of: interface.name) ?? defaultRouteNames.count
      return place + (interface.isInner ? 1000 : 0)
    }
    // Stable: within a rank the system's order stays.
    return interfaces.filter { $0.isUp && !$0.isLoopback }.enumerated()
      .sorted { (rank($0.element), $0.offset) < (rank($1.element), $1.offset) }.map(\.element)
  }

  /// Every address that others can connect to, the one a phone on the local network can reach
  /// first. Per interface IPv4 comes first. Link-local IPv6 is left out, as it needs the other
  /// side's zone. Loopback is there only when nothing else is.
  package var usableAddresses: [IPAddress] {
    let addresses = usable.flatMap { interface in
      let lasting = interface.addresses.filter { entry in
        !entry.isPassing && !(entry.address.isIPv6 && entry.address.isLinkLocal)
      }
      return lasting.filter { $0.address.isIPv4 } + lasting.filter { $0.address.isIPv6 }
    }.map(\.address)
    guard addresses.isEmpty else {
      return addresses.filter { !$0.isLinkLocal } + addresses.filter(\.isLinkLocal)
    }
    return interfaces.filter { $0.isUp && $0.isLoopback }.flatMap(\.addresses).map(\.address)
  }

  /// The networks that this computer is directly part of.
  package var attached: AttachedNetworks {
    let own = interfaces.filter(\.isUp).flatMap(\.addresses).map(\.network)
    var seen: Set<IPNetwork> = []
    return AttachedNetworks((own + onLinkNetworks).filter { seen.insert($0).inserted })
  }

  /// Looks at the system.
  package static func current() -> NetworkInterfaces {
    let routes = RouteTable(
      ipv4: HostFiles.text(of: "/proc/net/route") ?? "",
      ipv6: HostFiles.text(of: "/proc/net/ipv6_route") ?? "")
    let passing = RouteTable.passingAddresses(HostFiles.text(of: "/proc/net/if_inet6") ?? "")
    return NetworkInterfaces(
      interfaces: readInterfaces(passing: passing), defaultRouteNames: routes.defaultRouteNames,
      onLinkNetworks: routes.onLinkNetworks)
  }

  private static func readInterfaces(passing: Set<IPAddress>) -> [NetworkInterface] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard unsafe getifaddrs(&list) == 0 else { return [] }
    defer { unsafe freeifaddrs(list) }
    var interfaces: [NetworkInterface] = []
    var next = unsafe list
    while let entry = unsafe next?.pointee {
      unsafe next = entry.ifa_next
      let name = unsafe String(cString: entry.ifa_name)
      let flags = unsafe entry.ifa_flags
      let isUp = flags & UInt32(IFF_UP) != 0 && flags & UInt32(IFF_RUNNING) != 0
      if !interfaces.contains(where: { $0.name == name }) {
        interfaces.append(
          NetworkInterface(
            name: name, isUp: isUp, isLoopback: flags & UInt32(IFF_LOOPBACK) != 0,
            addresses: []))
      }
      guard let own = unsafe ipAddress(entry.ifa_addr, zone: name),
        let mask = unsafe ipAddress(entry.ifa_netmask, zone: nil),
        let index = interfaces.firstIndex(where: { $0.name == name })
      else { continue }
      // On a line between two points the mask belongs to the other end.
      let isLine = flags & UInt32(IFF_POINTOPOINT) != 0
      let peer = isLine ? unsafe ipAddress(entry.ifa_ifu.ifu_dstaddr, zone: nil) : nil
      let bits = mask.bytes.reduce(0) { $0 + $1.nonzeroBitCount }
      interfaces[index].addresses.append(
        NetworkInterface.Address(
          own, network: IPNetwork(peer ?? own, prefixLength: bits),
          isPassing: passing.contains { $0.bytes == own.bytes }))
    }
    return interfaces
  }

  private static func ipAddress(
    _ socketAddress: UnsafeMutablePointer<sockaddr>?, zone: String?
  ) -> IPAddress? {
    guard let socketAddress = unsafe socketAddress else { return nil }
    let raw = UnsafeRawPointer(socketAddress)
    switch Int32(unsafe socketAddress.pointee.sa_family) {
    case AF_INET:
      return unsafe IPAddress(bytes: Array(UnsafeRawBufferPointer(start: raw + 4, count: 4)))
    case AF_INET6:
      let bytes = unsafe Array(UnsafeRawBufferPointer(start: raw + 8, count: 16))
      let address = IPAddress(bytes: bytes)
      return address?.isLinkLocal == true ? IPAddress(bytes: bytes, zone: zone) : address
    default: return nil
    }
  }
}
