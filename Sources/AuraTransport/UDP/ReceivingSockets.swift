internal import AuraStream

/// The sockets that take the port, one for each address. Joins and their answers go through these.
final class ReceivingSockets: Sendable {
  private final class Owner: Sendable {
    let socket: DatagramSocket

    init(_ address: String, port: Int) throws(TransportError) {
      socket = try DatagramSocket(address: address, port: port, joining: false)
    }
  }

  private let owners: [Owner]
  /// Where they are, in order.
  let places: [BoundPlace]

  /// - Parameters:
  ///   - addresses: numeric; empty for all, IPv6 and IPv4.
  ///   - port: 0 for any.
  /// - Throws: `TransportError` when an address or the port cannot be had.
  init(_ addresses: [String], port: Int) throws(TransportError) {
    let everywhere = addresses.isEmpty
    var port = port
    var owners: [Owner] = []
    var places: [BoundPlace] = []
    for address in everywhere ? ["0.0.0.0", "::"] : addresses {
      do throws(TransportError) {
        let owner = try Owner(address, port: port)
        port = owner.socket.port  // asked for any, the first address decides for the others
        owners.append(owner)
        places.append(BoundPlace(address: address, port: port, isIPv6: owner.socket.isIPv6))
      } catch {
        // A computer without IPv6 listens on IPv4 alone.
        if everywhere, address == "::", error.description.contains("no IPv6") { continue }
        throw error
      }
    }
    self.owners = owners
    self.places = places
  }

  /// In the order of the places.
  var fileDescriptors: [Int32] { owners.map { $0.socket.fileDescriptor } }
}
