internal import AuraHost
internal import AuraStream
internal import Synchronization

/// Decides who may listen: those on networks this computer is part of, or everyone.
final class NetworkGate: Sendable {
  /// A network joined a moment ago counts soon; a flood of strangers asks the system rarely.
  private static let staleness = Duration.seconds(2)

  private let isPublic: Bool
  private let known = Mutex<(networks: AttachedNetworks, at: HostTime)?>(nil)

  init(isPublic: Bool) { self.isPublic = isPublic }

  /// Any thread.
  ///
  /// - Parameter address: 4 or 16 bytes in network order.
  /// - Returns: whether it may.
  func mayListen(_ address: [UInt8]) -> Bool {
    if isPublic { return true }
    return known.withLock { known in
      let now = HostClock.now
      if let known, known.networks.contains(bytes: address) { return true }
      if let known, now - known.at < Self.staleness { return false }
      let networks = NetworkInterfaces.current().attached
      known = (networks, now)
      return networks.contains(bytes: address)
    }
  }
}
