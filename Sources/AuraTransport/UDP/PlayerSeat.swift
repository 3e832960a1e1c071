internal import AuraCrypto
internal import AuraStream

/// A place to listen from: a socket for each address family, and the offer that goes with them.
///
/// Every listener has sockets of its own, for a server tells listeners apart by where they are.
package final class PlayerSeat: Sendable {
  private final class Owner: Sendable {
    let socket: DatagramSocket

    init(_ address: String, tellsArrivals: Bool) throws(TransportError) {
      socket = try DatagramSocket(address: address, port: 0, joining: false)
      if tellsArrivals { socket.tellArrivals() }
    }
  }

  /// The offer, as SDP, to be posted to the server.
  package let offer: String
  let userFragment: [UInt8], password: [UInt8]
  private let owners: [Owner]

  /// Binds the sockets.
  ///
  /// - Parameters:
  ///   - identity: who we are.
  ///   - binding: numeric addresses, one for each family.
  ///   - reachable: our addresses, to be told to the server; only a full one needs them.
  ///   - wantsRED: whether to ask for redundancy.
  ///   - wantsLinear: whether to ask for uncompressed sound first.
  ///   - tellsArrivals: whether the kernel notes when datagrams arrive.
  /// - Throws: `TransportError` when an address or the port cannot be had.
  init(
    identity: DTLSIdentity, binding: [String], reachable: [IPAddress], wantsRED: Bool,
    wantsLinear: Bool, tellsArrivals: Bool
  ) throws(TransportError) {
    var owners: [Owner] = []
    for address in binding { owners.append(try Owner(address, tellsArrivals: tellsArrivals)) }
    self.owners = owners
    let (fragment, password) = (Random.letters(8), Random.letters(24))
    userFragment = Array(fragment.utf8)
    self.password = Array(password.utf8)
    let endpoints = reachable.compactMap { address in
      owners.first { $0.socket.isIPv6 == address.isIPv6 }
        .map { IPEndpoint(address: address, port: UInt16($0.socket.port)) }
    }
    var offer = PlayerOffer(
      userFragment: fragment, password: password, fingerprint: identity.fingerprint,
      candidates: ICECandidate.hosts(endpoints), sessionID: Random.integer())
    offer.wantsRED = wantsRED
    offer.wantsLinear = wantsLinear
    self.offer = offer.text
  }

  var fileDescriptors: [Int32] { owners.map { $0.socket.fileDescriptor } }

  /// Sends a datagram, or fails at once: whoever needs an answer asks again.
  func send(_ bytes: [UInt8], to remote: Endpoint) {
    guard let owner = owners.first(where: { $0.socket.isIPv6 != remote.isIPv4 }) else { return }
    unsafe bytes.withUnsafeBytes {
      _ = unsafe DatagramSocket.send(
        $0, to: NetworkPath(remote: remote).datagramPath,
        through: owner.socket.fileDescriptor)
    }
  }
}
