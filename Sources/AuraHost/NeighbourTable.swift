internal import AuraStream

/// How many computers next to this one it can talk to at once: the kernel's neighbour tables.
///
/// Beyond the limit packets are lost while every send succeeds, for everyone: with 5,000 neighbours
/// and Linux' default of 1,024 one packet in five arrived.
package struct NeighbourTable: Equatable, Sendable {
  /// The most entries for IPv4; nil when the system does not say.
  package var limit: Int?

  package init(limit: Int?) { self.limit = limit }

  /// As this computer has it now.
  package static var current: NeighbourTable {
    let text = HostFiles.text(of: "/proc/sys/net/ipv4/neigh/default/gc_thresh3")
    return NeighbourTable(limit: text.flatMap { Int($0.filter(\.isNumber)) })
  }

  /// One line with the remedy when so many listeners come near the limit.
  package func warning(forListeners count: Int) -> String? {
    guard let limit, count * 5 >= limit * 4 else { return nil }
    var wanted = 8_192
    while wanted < 4 * count { wanted *= 2 }
    return
      "\(count) listeners are near the \(limit) neighbours that this computer can remember; beyond "
      + "that everyone loses sound. Let it remember more: `sudo sysctl -w "
      + "net.ipv4.neigh.default.gc_thresh3=\(wanted) net.ipv4.neigh.default.gc_thresh2=\(wanted / 2)`."
  }
}
