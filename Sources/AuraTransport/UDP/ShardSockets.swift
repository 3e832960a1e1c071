internal import AuraStream

/// Two sockets for one address: for listeners that are there, and for those that may have gone.
///
/// What a vanished neighbour's packets fill is the second one's buffer, where nobody who listens has
/// anything to lose.
struct SocketPair: Sendable {
  var present: Int32
  var doubtful: Int32
}

/// The sending sockets of one shard: a pair for each place that is listened on.
final class ShardSockets: Sendable {
  private final class Place: Sendable {
    let present: DatagramSocket
    let doubtful: DatagramSocket

    init(_ place: BoundPlace) throws(TransportError) {
      present = try DatagramSocket(address: place.address, port: place.port, joining: true)
      doubtful = try DatagramSocket(address: place.address, port: place.port, joining: true)
    }
  }

  private let owners: [Place]
  /// In the order of the places.
  let pairs: [SocketPair]

  /// - Throws: `TransportError` when an address cannot be had.
  init(_ places: [BoundPlace]) throws(TransportError) {
    var owners: [Place] = []
    for place in places { owners.append(try Place(place)) }
    self.owners = owners
    pairs = owners.map {
      SocketPair(
        present: $0.present.fileDescriptor, doubtful: $0.doubtful.fileDescriptor)
    }
  }

  /// Every socket, for receiving.
  var fileDescriptors: [Int32] { pairs.flatMap { [$0.present, $0.doubtful] } }
}

/// An address and port that the server listens on.
struct BoundPlace: Sendable {
  /// Numeric, as `--bind` has it; `0.0.0.0` and `::` for all.
  let address: String
  let port: Int
  let isIPv6: Bool
  /// The address in network order.
  fileprivate let bytes: [UInt8]?

  init(address: String, port: Int, isIPv6: Bool) {
    self.address = address
    self.port = port
    self.isIPv6 = isIPv6
    bytes = IPAddress(address)?.bytes
  }
}

extension [BoundPlace] {
  /// The place that a path goes through: the one bound to our end of it, or to all of its family.
  func index(for path: NetworkPath) -> Int? {
    let isIPv6 = !path.remote.isIPv4
    let own = path.local.addressBytes
    return firstIndex { $0.bytes == own }
      ?? firstIndex { $0.isIPv6 == isIPv6 }
  }
}
