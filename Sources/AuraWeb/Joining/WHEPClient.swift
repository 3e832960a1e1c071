internal import AuraCrypto
package import AuraStream
internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// The listener's side of WHEP: posts an offer, gets the answer, ends the session.
///
/// On SwiftNIO, which Hummingbird is made of: an HTTP client of its own would cost the build more
/// than these lines. A connection for each request. Any thread.
package struct WHEPClient: Sendable {
  /// A way in.
  package struct Joined: Equatable, Sendable {
    /// SDP, as it came.
    package var answer: String
    /// Ends the session when deleted; nil where the server has not told one.
    package var session: WHEPAddress?
    /// Whether the server is this computer.
    package var isLocal = false
  }

  private static let mostRedirects = 3
  /// Of a status, in bytes: thousands of listeners are in it.
  private static let longestStatus = 4 << 20
  /// In milliseconds: a server that says more makes no sense.
  private static let mostLate = 60_000.0
  /// Of a clock that runs with its computer, in milliseconds: 30 years.
  private static let mostTime = 1e12
  /// For all of a request and its reply.
  private static let patience = TimeAmount.seconds(15)

  private let group = MultiThreadedEventLoopGroup.singleton

  private let connecting: Duration
  private let staysOnHost: Bool

  /// - Parameters:
  ///   - connecting: how long a connection may take to be made.
  ///   - staysOnHost: whether an answer to an offer may not send us to another host.
  package init(connecting: Duration = .seconds(5), staysOnHost: Bool = false) {
    self.connecting = connecting
    self.staysOnHost = staysOnHost
  }

  /// Posts an offer of somebody who keeps sound until its time has come.
  ///
  /// - Parameters:
  ///   - address: the endpoint.
  ///   - offer: SDP with every candidate in it.
  ///   - source: the address of ours to connect from; nil lets the system choose.
  /// - Returns: the answer, and what ends the session.
  /// - Throws: `WHEPClientError`, a sentence.
  package func join(
    _ address: WHEPAddress, offer: String, from source: IPAddress? = nil
  ) async throws(WHEPClientError) -> Joined {
    var address = address
    for _ in 0...Self.mostRedirects {
      let reply = try await exchange(
        .POST, address, path: address.keeperPath, body: offer, from: source)
      switch try reply.meaning(from: address) {
      case .accepted(let session):
        return Joined(answer: reply.body, session: session, isLocal: reply.isLocal)
      case .elsewhere(let next):
        guard !staysOnHost || next.host.lowercased() == address.host.lowercased() else {
          throw .redirected(address)
        }
        address = next
      }
    }
    throw .redirected(address)
  }

  /// Ends a session; a server that has forgotten it already is content too.
  ///
  /// - Parameters:
  ///   - session: as in `Joined`.
  ///   - source: the address of ours to connect from; nil lets the system choose.
  /// - Throws: `WHEPClientError`, a sentence.
  package func leave(
    _ session: WHEPAddress, from source: IPAddress? = nil
  ) async throws(WHEPClientError) {
    let reply = try await exchange(.DELETE, session, body: nil, from: source)
    guard (200..<300).contains(reply.status) || reply.status == 404 else {
      throw reply.refusal
    }
  }

  /// What a server of ours broadcasts.
  ///
  /// - Parameter server: the server; its path is of no account.
  /// - Returns: the endpoints, the first one first; empty when it is another kind of web server.
  /// - Throws: `WHEPClientError`, a sentence.
  package func endpoints(of server: WHEPAddress) async throws(WHEPClientError) -> [WHEPAddress] {
    struct Wire: Decodable {
      struct Broadcast: Decodable { var whep: String }
      var broadcasts: [Broadcast]
    }
    let address = server.replacing(path: "/api/status")
    let reply = try await exchange(.GET, address, body: nil, from: nil)
    if reply.status == 401 { throw reply.refusal }
    // Somebody stands before it who cannot reach it: it may come.
    if reply.status >= 500 { throw .notHTTP(address) }
    guard reply.status == 200,
      let wire = try? JSONDecoder().decode(Wire.self, from: Data(reply.body.utf8))
    else { return [] }
    return wire.broadcasts.compactMap { address.resolving($0.whep) }
  }

  /// Tells a server of ours how we fare (docs/protocols/whep.md); another one may refuse it.
  ///
  /// - Parameters:
  ///   - report: what is known.
  ///   - session: as in `Joined`.
  /// - Returns: by how much we hear later than everyone, as it says; nil where it says nothing.
  /// - Throws: `WHEPClientError` when nobody answers.
  package func tell(
    _ report: ListenerReport, to session: WHEPAddress
  ) async throws(WHEPClientError) -> Duration? {
    struct Wire: Decodable { var late_ms: Double }
    let members: [(name: String, value: JSONText)] = [
      ("delay_ms", .milliseconds(report.delay)), ("jitter_ms", .milliseconds(report.jitter)),
      ("loss", .number(report.loss)), ("concealed_ms", .milliseconds(report.concealed)),
      ("needed_ms", .milliseconds(report.needed)), ("holds", .bool(report.holds)),
      ("parts_ms", .parts(report.parts)),
    ]
    let reply = try await exchange(
      .POST, session, body: JSONText.object(members).text, type: "application/json", from: nil)
    guard reply.status == 200,
      let wire = try? JSONDecoder().decode(Wire.self, from: Data(reply.body.utf8)),
      (0...Self.mostLate).contains(wire.late_ms)
    else { return nil }
    return .nanoseconds(Int64(wire.late_ms * 1e6))
  }

  /// Asks a server of ours what its clock shows (docs/api.md).
  ///
  /// - Parameters:
  ///   - endpoint: of a broadcast there, as in `endpoints`.
  ///   - now: our clock.
  /// - Returns: the question and its answer; nil where there is no such broadcast, or no sound of it yet.
  /// - Throws: `WHEPClientError`, a sentence.
  package func clock(
    of endpoint: WHEPAddress, by now: @escaping @Sendable () -> HostTime
  ) async throws(WHEPClientError) -> ClockExchange? {
    struct Wire: Decodable { var now_ms: Double }
    let slug = endpoint.path.prefix { $0 != "?" }.split(separator: "/").last ?? ""
    let address = endpoint.replacing(path: "/api/clock/\(slug)")
    let reply = try await exchange(.GET, address, body: nil, from: nil, by: now)
    if reply.status == 404 { return nil }
    guard reply.status == 200 else { throw reply.refusal }
    guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(reply.body.utf8)),
      (0...Self.mostTime).contains(wire.now_ms), let asked = reply.asked,
      let received = reply.received
    else { throw .notHTTP(address) }
    let served = HostTime(nanoseconds: Int64(wire.now_ms * 1e6))
    return ClockExchange(asked: asked, served: served, answered: served, received: received)
  }

  private func exchange(
    _ method: HTTPMethod, _ address: WHEPAddress, path: String? = nil, body: String?,
    type: String = "application/sdp", from source: IPAddress?,
    by now: (@Sendable () -> HostTime)? = nil
  ) async throws(WHEPClientError) -> WHEPReply {
    let promise = group.next().makePromise(of: WHEPReply.self)
    let most = method == .GET ? Self.longestStatus : SessionOffer.longest
    do {
      var bootstrap = ClientBootstrap(group: group).connectTimeout(
        .nanoseconds(connecting.inNanoseconds)
      )
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if address.isSecure {
            try channel.pipeline.syncOperations.addHandler(TLSHandler(to: address.host))
          }
          try channel.pipeline.syncOperations.addHTTPClientHandlers()
          try channel.pipeline.syncOperations.addHandler(ReplyCollector(promise, most: most))
        }
      }
      if let source {
        bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: "\(source)", port: 0))
      }
      let channel = try await bootstrap.connect(host: address.host, port: address.port).get()
      // The collector fails the promise when the connection ends.
      let alarm = channel.eventLoop.scheduleTask(in: Self.patience) {
        promise.fail(ChannelError.connectTimeout(Self.patience))
        channel.close(promise: nil)
      }
      defer { alarm.cancel() }
      // The way there and back begins here: a connection takes more of them.
      let asked = now?()
      Self.send(
        method, address, path: path ?? address.path, body: body, type: type, through: channel)
      var reply = try await promise.futureResult.get()
      (reply.asked, reply.received) = (asked, now?())
      reply.isLocal = channel.localAddress?.ipAddress == channel.remoteAddress?.ipAddress
      channel.close(promise: nil)
      return reply
    } catch {
      promise.fail(error)
      switch error {
      case is HTTPParserError, is ReplyCollector.TooLong: throw .notHTTP(address)
      case TLSConnection.Failure.untrusted(let reason): throw .untrusted(address, reason)
      case let error as TLSConnection.Failure: throw .unreachable(address, "\(error)")
      case is ReplyCollector.Ended: throw .unreachable(address, "it ended the connection")
      case let error as NIOConnectionError where error.connectionErrors.isEmpty:
        throw .unknownName(address.host)
      default: throw .unreachable(address, Self.words(error))
      }
    }
  }

  private static func send(
    _ method: HTTPMethod, _ address: WHEPAddress, path: String, body: String?, type: String,
    through channel: any Channel
  ) {
    var fields = HTTPHeaders([("Host", address.authority), ("Connection", "close")])
    if let token = address.token { fields.add(name: "Authorization", value: "Bearer \(token)") }
    if let body {
      fields.add(name: "Content-Type", value: type)
      if type == "application/sdp" { fields.add(name: "Accept", value: type) }
      fields.add(name: "Content-Length", value: "\(body.utf8.count)")
    }
    let head = HTTPRequestHead(
      version: .http1_1, method: method, uri: path, headers: fields)
    channel.write(HTTPClientRequestPart.head(head), promise: nil)
    if let body {
      let bytes = channel.allocator.buffer(string: body)
      channel.write(HTTPClientRequestPart.body(.byteBuffer(bytes)), promise: nil)
    }
    channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
  }

  private static func words(_ error: any Error) -> String {
    switch error {
    case let error as IOError: return error.reasonText
    case ChannelError.connectTimeout: return "no answer in time"
    case let error as NIOConnectionError:
      return error.connectionErrors.first.map { words($0.error) } ?? "\(error)"
    default: return "\(error)"
    }
  }
}

extension IOError {
  /// The system's words for it, without the call that failed.
  fileprivate var reasonText: String {
    switch errnoCode {
    case 111: "the connection was refused"
    case 113: "there is no way to it"
    case 101: "the network cannot be reached"
    default: "error \(errnoCode)"
    }
  }
}

/// Puts a reply together.
private final class ReplyCollector: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  struct TooLong: Error {}
  struct Ended: Error {}

  private let promise: EventLoopPromise<WHEPReply>
  private var reply: WHEPReply?
  private var body: [UInt8] = []

  private let most: Int

  init(_ promise: EventLoopPromise<WHEPReply>, most: Int) {
    self.promise = promise
    self.most = most
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      reply = WHEPReply(
        status: Int(head.status.code), location: head.headers.first(name: "Location"),
        retryAfter: head.headers.first(name: "Retry-After"), body: "")
    case .body(let bytes):
      body += bytes.readableBytesView
      guard body.count <= most else {
        promise.fail(TooLong())
        context.close(promise: nil)
        return
      }
    case .end:
      guard var reply else { return }
      reply.body = String(decoding: body, as: UTF8.self)
      promise.succeed(reply)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    promise.fail(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    promise.fail(Ended())
    context.fireChannelInactive()
  }
}
