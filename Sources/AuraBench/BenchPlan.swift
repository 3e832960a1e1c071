package import AuraHost
internal import AuraStream
package import AuraWeb

/// What a load test is to do.
package struct BenchPlan: Sendable {
  /// Where to listen, and by which protocol.
  package enum Target: Equatable, Sendable {
    case whep(WHEPAddress)
    /// The original protocol; a name or a numeric address, and its port.
    case original(host: String, port: Int)

    /// A name or a numeric address, without brackets.
    var host: String {
      switch self {
      case .whep(let address): address.host
      case .original(let host, _): host
      }
    }
  }

  package var target: Target
  /// How many listeners.
  package var listeners: Int
  /// Listeners that begin to join each second.
  package var joinRate: Double
  /// How long is measured once everybody has joined.
  package var duration: Duration
  /// Whether packets are decrypted, as a real listener's are, or only counted by their headers.
  /// The original protocol has nothing to decrypt.
  package var opensMedia = true

  package init(_ target: Target, listeners: Int, joinRate: Double, duration: Duration) {
    self.target = target
    self.listeners = listeners
    self.joinRate = joinRate
    self.duration = duration
  }

  /// How long a join takes that nothing is in the way of, at most.
  private static let patience = Duration.seconds(15)

  /// When the last that wants to join is given up, after the first has begun; a listener who comes later than the
  /// run was to last tells nothing of it.
  var joinLimit: Duration { .seconds(Double(listeners) / joinRate) + duration + Self.patience }

  /// How long a listener waits whom the server has told to come again.
  ///
  /// - Parameters:
  ///   - seconds: after which it is to come again.
  ///   - passed: since the first began to join.
  /// - Returns: the wait; nil where little of the run would be left after it.
  package func wait(_ seconds: Int, passed: Duration) -> Duration? {
    let wait = Duration.seconds(seconds)
    return passed + wait <= joinLimit ? wait : nil
  }

  /// The server's address, when it is given as one.
  var serverAddress: IPAddress? { Self.address(of: target.host) }

  private static func address(of host: String) -> IPAddress? {
    host == "localhost" ? IPAddress("127.0.0.1") : IPAddress(host)
  }

  /// Whether a server is known to be this computer: a name could lead anywhere.
  ///
  /// - Parameters:
  ///   - host: a name or a numeric address, without brackets.
  ///   - interfaces: this computer's.
  /// - Returns: true only for an address that is one of them, or loopback.
  package static func isOwn(_ host: String, _ interfaces: NetworkInterfaces = .current()) -> Bool {
    guard let server = address(of: host)?.unmapped else { return false }
    return server.isLoopback
      || interfaces.interfaces.contains { interface in
        interface.addresses.contains { $0.address.bytes == server.bytes }
      }
  }

  /// The address a listener comes from; nil lets the system choose.
  ///
  /// To a server on loopback each comes from its own: a server bounds what one address may do.
  func source(of listener: Int) -> IPAddress? {
    guard let server = serverAddress, server.isIPv4, server.isLoopback else { return nil }
    let (high, low) = listener.quotientAndRemainder(dividingBy: 250)
    let bytes = [127, UInt8(1 + high / 250 % 250), UInt8(high % 250), UInt8(low + 1)]
    return IPAddress(bytes: bytes)
  }

  /// The addresses a listener's offer names: a server that is no ICE-lite one may need them to answer.
  func reachable(of listener: Int, _ interfaces: NetworkInterfaces) -> [IPAddress] {
    if let source = source(of: listener) { return [source] }
    return interfaces.interfaces.filter { $0.isUp && !$0.isLoopback }
      .flatMap { $0.addresses.map(\.address) }
  }

  /// What a listener's socket is bound to.
  func binding(of listener: Int) -> [String] {
    if let source = source(of: listener) { return ["\(source)"] }
    guard let server = serverAddress else { return ["0.0.0.0", "::"] }
    return [server.isIPv4 ? "0.0.0.0" : "::"]
  }
}
