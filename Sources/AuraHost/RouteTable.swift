package import AuraStream

/// What /proc/net tells of routes; parsing only.
package struct RouteTable: Equatable, Sendable {
  /// The interfaces of the default routes, the preferred one first; IPv4 before IPv6.
  package var defaultRouteNames: [String] = []
  /// IPv6 networks of 48 bits or more that are reached without a router. An address from DHCPv6
  /// comes as a network of one; its neighbours are known only from here.
  package var onLinkNetworks: [IPNetwork] = []

  /// - Parameters:
  ///   - ipv4: the text of /proc/net/route.
  ///   - ipv6: the text of /proc/net/ipv6_route.
  package init(ipv4: String, ipv6: String) {
    var defaults: [(metric: Int, name: String)] = []
    for fields in Self.lines(ipv4).dropFirst() where fields.count >= 8 {
      let isUp = Int(fields[3], radix: 16).map { $0 & Self.isUp != 0 } ?? false
      guard isUp, fields[1] == "00000000", fields[7] == "00000000" else { continue }
      defaults.append((Int(fields[6]) ?? .max, fields[0]))
    }
    defaults.sort { $0.metric < $1.metric }
    var defaultsIPv6: [(metric: Int, name: String)] = []
    for fields in Self.lines(ipv6) where fields.count >= 10 {
      guard let prefix = Int(fields[1], radix: 16), let flags = Int(fields[8], radix: 16),
        let metric = Int(fields[5], radix: 16), flags & Self.isUp != 0,
        flags & Self.isReject == 0
      else { continue }
      if prefix == 0 {
        defaultsIPv6.append((metric, fields[9]))
      } else if (48..<128).contains(prefix), fields[4].allSatisfy({ $0 == "0" }),
        let address = Self.address(fields[0]), !address.isLinkLocal, !address.isMulticast,
        fields[9] != "lo"
      {
        onLinkNetworks.append(IPNetwork(address, prefixLength: prefix))
      }
    }
    defaultsIPv6.sort { $0.metric < $1.metric }
    for (_, name) in defaults + defaultsIPv6 where !defaultRouteNames.contains(name) {
      defaultRouteNames.append(name)
    }
  }

  private static let isUp = 0x1
  private static let isReject = 0x200

  /// IPv6 addresses that others should not be told of: temporary (for privacy), deprecated,
  /// tentative, or in conflict.
  ///
  /// - Parameter table: the text of /proc/net/if_inet6.
  /// - Returns: the addresses; unreadable lines are left out.
  package static func passingAddresses(_ table: String) -> Set<IPAddress> {
    let flags = 0x01 | 0x08 | 0x20 | 0x40
    return Set(
      lines(table).compactMap { fields in
        guard fields.count >= 6, let own = Int(fields[4], radix: 16), own & flags != 0 else {
          return nil
        }
        return address(fields[0])
      })
  }

  /// 32 hexadecimal digits without colons.
  private static func address(_ digits: String) -> IPAddress? {
    guard digits.count == 32 else { return nil }
    let values = digits.compactMap(\.hexDigitValue)
    guard values.count == 32 else { return nil }
    return IPAddress(bytes: (0..<16).map { UInt8(values[2 * $0] << 4 | values[2 * $0 + 1]) })
  }

  private static func lines(_ text: String) -> [[String]] {
    text.split(separator: "\n").map { line in
      line.split { $0 == " " || $0 == "\t" }.map(String.init)
    }
  }
}
