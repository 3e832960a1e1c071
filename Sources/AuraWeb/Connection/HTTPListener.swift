internal import AuraStream
internal import Glibc
internal import HTTPTypes
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// Accepts connections and has each of them answered.
///
/// Hummingbird's own server is not used: it cannot keep IPv6 and IPv4 apart on one port, and its end
/// waits for clients.
struct HTTPListener: Sendable {
  private static let backlog: Int32 = 256
  /// To find a port by chance that all addresses have, before the last one.
  private static let attempts = 7

  let connections: ConnectionRegistry
  private let group: MultiThreadedEventLoopGroup
  private let limits: HTTPService.Limits
  private let routes: WebRoutes
  /// What Hummingbird has to say concerns malformed requests; they are answered, not reported.
  private let logger = Logger(label: "auralync.http") { _ in SwiftLogNoOpLogHandler() }

  private let counts = HTTPCounts()

  init(
    group: MultiThreadedEventLoopGroup, _ configuration: HTTPService.Configuration,
    handler: any WHEPHandler
  ) {
    self.group = group
    limits = configuration.limits
    connections = ConnectionRegistry(
      most: limits.connections, mostPerAddress: limits.connectionsPerAddress)
    routes = WebRoutes(
      configuration, handler: handler, counts: counts, connections: connections)
  }

  /// Ends the answers that would go on for ever.
  func endStreams() { routes.endStreams() }

  // MARK: Binding

  /// Listens on addresses; on every one when there is none.
  ///
  /// - Returns: the sockets, and the port they share.
  func bind(
    _ addresses: [String], _ port: Int
  ) async throws(HTTPServiceError) -> (channels: [any Channel], port: Int) {
    // A port that is free for the first address may be taken for the second: then another one.
    for _ in 0..<(port == 0 ? Self.attempts : 0) {
      if let bound = try? await bindOnce(addresses, port) { return bound }
    }
    return try await bindOnce(addresses, port)
  }

  private func bindOnce(
    _ addresses: [String], _ port: Int
  ) async throws(HTTPServiceError) -> (channels: [any Channel], port: Int) {
    let everywhere = addresses.isEmpty
    var channels: [any Channel] = []
    var port = port
    for address in everywhere ? ["::", "0.0.0.0"] : addresses {
      do throws(HTTPServiceError) {
        guard let channel = try await bind(address, port) else { continue }
        channels.append(channel)
        port = channel.localAddress?.port ?? port
      } catch {
        for channel in channels { try? await channel.close() }
        throw error
      }
    }
    guard !channels.isEmpty else {
      throw HTTPServiceError("This computer has none of the addresses to listen on.")
    }
    return (channels, port)
  }

  /// - Returns: nil for `::` on a computer without IPv6.
  private func bind(
    _ address: String, _ port: Int
  ) async throws(HTTPServiceError) -> (any Channel)? {
    do {
      let target = try SocketAddress(ipAddress: address, port: port)
      let isIPv6 = target.protocol == .inet6
      let bootstrap = ServerBootstrap(group: group)
        .serverChannelOption(.backlog, value: Self.backlog)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.allowRemoteHalfClosure, value: true)
        // Bounds what is held of a request that nobody reads yet.
        .childChannelOption(
          .recvAllocator,
          value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2048, maximum: 16 * 1024)
        )
        .childChannelInitializer { channel in accept(channel) }
      if isIPv6 {
        _ = bootstrap.serverChannelOption(
          ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 1)
      }
      return try await bootstrap.bind(to: target).get()
    } catch let error as IOError {
      if address == "::", error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL {
        return nil
      }
      throw Self.failure(error.errnoCode, address, port)
    } catch {
      throw HTTPServiceError(
        "\(address) is not an IP address: give --bind one that `ip addr` shows.")
    }
  }

  private static func failure(_ code: Int32, _ address: String, _ port: Int) -> HTTPServiceError {
    let text =
      switch code {
      case EADDRINUSE:
        "Port \(port) is taken by another program: end it, or choose another with --http-port."
      case EACCES:
        "Port \(port) needs administrator rights: choose one above 1023 with --http-port."
      case EADDRNOTAVAIL:
        "This computer has no address \(address): give --bind one that `ip addr` shows."
      case EAFNOSUPPORT: "This computer has no IPv6: give --bind an IPv4 address."
      default:
        "Cannot listen on \(address), port \(port): \(IOError(errnoCode: code, reason: "bind"))."
      }
    return HTTPServiceError(text)
  }

  // MARK: Connections

  /// A failed future closes the connection.
  private func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
    guard let address = channel.remoteAddress?.ipAddress.flatMap({ IPAddress($0) })?.unmapped,
      connections.enter(channel, from: address)
    else {
      counts.crowded.wrappingAdd(1, ordering: .relaxed)
      return channel.eventLoop.makeFailedFuture(NoRoom())
    }
    let connections = connections
    let http = http(for: address)
    let logger = logger
    return http.setup(channel: channel, logger: logger).map { connection in
      Task {
        await http.handle(value: connection, logger: logger)
        connections.leave(channel, from: address)
      }
    }.flatMapErrorThrowing { error in
      connections.leave(channel, from: address)
      throw error
    }
  }

  private struct NoRoom: Error {}

  private func http(for address: IPAddress) -> HTTP1Channel {
    let times = ConnectionDeadline<ContinuousClock.Instant>.Limits(
      request: limits.requestTime, idle: limits.idleTime, write: limits.writeTime)
    let routes = routes
    return HTTP1Channel(
      responder: { request, writer, _ in
        let reply = try await routes.reply(to: request.head, from: address, body: request.body)
        try await reply.write(to: writer, for: request)
      },
      configuration: HTTP1Channel.Configuration(
        additionalChannelHandlers: [ConnectionGuard(times, counts)],
        httpDecoderConfiguration: .init(
          maxHeaderFieldSize: limits.headBytes, maxHeaderListSize: limits.headBytes,
          maxHeaderFieldCount: 100)))
  }
}
