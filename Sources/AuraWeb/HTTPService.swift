internal import AuraStream
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The door for browsers and players: HTTP with WHEP, the status, and a page to listen.
package final class HTTPService: Sendable {
  package struct Configuration: Sendable {
    /// Numeric addresses to listen on; empty means every address, IPv6 and IPv4.
    package var addresses: [String]
    /// The TCP port; 0 lets the system choose.
    package var port: Int
    /// This computer's name, with or without a domain. With it go its first label and `LABEL.local`.
    package var hostName: String?
    /// Further names by which requests may call us (`--allow-host`).
    package var allowedHosts: [String]
    /// Other sites whose pages may use us (`--allow-origin`), as `https://name:port`; `*` is every site.
    package var allowedOrigins: [String]
    /// The host of the page's address as phones reach it now, as it stands in URLs; nil: not known.
    package var pageHost: @Sendable () -> String?
    /// Whether an address, 4 or 16 bytes in network order, may listen.
    package var mayListen: @Sendable ([UInt8]) -> Bool
    package var limits: Limits

    package init(
      addresses: [String] = [], port: Int, hostName: String?, allowedHosts: [String] = [],
      allowedOrigins: [String] = [], limits: Limits = Limits(),
      pageHost: @escaping @Sendable () -> String? = { nil },
      mayListen: @escaping @Sendable ([UInt8]) -> Bool
    ) {
      self.addresses = addresses
      self.port = port
      self.hostName = hostName
      self.allowedHosts = allowedHosts
      self.allowedOrigins = allowedOrigins
      self.limits = limits
      self.pageHost = pageHost
      self.mayListen = mayListen
    }
  }

  /// What clients may take. The defaults are for a crowd on one network.
  package struct Limits: Sendable {
    /// Connections at once; further ones are closed.
    package var connections = 2048
    /// Connections at once of one address.
    package var connectionsPerAddress = 64
    /// Bytes of a request's head: its fields together, and its target.
    package var headBytes = 16 * 1024
    /// Bytes of an offer.
    package var offerBytes = 64 * 1024
    /// Offers that the handler may be busy with.
    package var offersInHand = 256
    /// Attempts to join of one address, in the long run and after a rest.
    package var joinsPerSecond = 10.0
    package var joinsAtOnce = 60
    /// Connections at once that follow the status.
    package var eventStreams = 64
    /// Of those, the connections of one address.
    package var eventStreamsPerAddress = 16
    /// How often they are told at most, and after how much silence they get a sign of life.
    package var eventInterval = Duration.seconds(1)
    package var eventHeartbeat = Duration.seconds(15)
    /// For a request's body to arrive.
    package var requestTime = Duration.seconds(10)
    /// For a request's head to arrive, also between two requests.
    package var idleTime = Duration.seconds(10)
    /// For the client to take some of its answer.
    package var writeTime = Duration.seconds(10)

    package init() {}
  }

  /// Answers get this long at the end, then their connections are closed.
  private static let stopGrace = Duration.milliseconds(300)
  private static let stopPatience = Duration.milliseconds(300)

  /// The port that clients connect to; of interest after asking for port 0.
  package let port: Int

  private let group: MultiThreadedEventLoopGroup
  private let listener: HTTPListener
  private let listening: [any Channel]
  private let isStopped = Atomic(false)

  private init(
    group: MultiThreadedEventLoopGroup, listener: HTTPListener, listening: [any Channel], port: Int
  ) {
    self.group = group
    self.listener = listener
    self.listening = listening
    self.port = port
  }

  /// Binds the addresses and begins to answer, on a thread of its own and on Swift's.
  ///
  /// - Throws: `HTTPServiceError` when an address or the port cannot be had.
  package static func start(
    _ configuration: Configuration, handler: any WHEPHandler
  ) async throws(HTTPServiceError) -> HTTPService {
    // One thread: HTTP must never take more of the machine than that from the sound.
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let listener = HTTPListener(group: group, configuration, handler: handler)
    do {
      let (channels, port) = try await listener.bind(configuration.addresses, configuration.port)
      return HTTPService(group: group, listener: listener, listening: channels, port: port)
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
  }

  /// Ends it: no new connections, a moment for answers that are on their way, then everything is
  /// closed. Takes less than a second. A second call does nothing.
  package func stop() async {
    // An event loop that has ended never answers.
    guard !isStopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
    for channel in listening { try? await channel.close() }
    let remaining = listener.connections.close()
    listener.endStreams()
    // Those at rest are closed by this, those at work when they have answered.
    for channel in remaining {
      channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }
    await waitForConnections(Self.stopGrace)
    for channel in listener.connections.close() { channel.close(promise: nil) }
    await waitForConnections(Self.stopPatience)
    // A handler that hangs still needs the thread; the process ends with both.
    guard connections == 0 else { return }
    try? await group.shutdownGracefully()
  }

  /// Connections that are open now.
  package var connections: Int { listener.connections.count }

  private func waitForConnections(_ time: Duration) async {
    let deadline = ContinuousClock.now + time
    while connections > 0, ContinuousClock.now < deadline {
      try? await Task.sleep(for: .milliseconds(5))
    }
  }
}

/// Why HTTP cannot be served. The text is one sentence for a person.
package struct HTTPServiceError: Error, Equatable, Sendable, CustomStringConvertible {
  package var description: String

  package init(_ description: String) { self.description = description }
}
