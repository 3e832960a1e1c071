package import AuraStream
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// The listener's side of WHEP: posts an offer, gets the answer, ends the session.
///
/// On SwiftNIO, which Hummingbird is made of: an HTTP client of its own would cost the build more
/// than these lines. Plain HTTP, a connection for each request. Any thread.
package struct WHEPClient: Sendable {
  /// A way in.
  package struct Joined: Equatable, Sendable {
    /// SDP, as it came.
    package var answer: String
    /// Ends the session when deleted; nil where the server has not told one.
    package var session: WHEPAddress?
  }

  /// A reply in full.
  struct Reply: Equatable, Sendable {
    var status: Int
    var location: String?
    var retryAfter: String?
    var body: String
  }

  private static let mostRedirects = 3
  private static let connecting = TimeAmount.seconds(5)
  /// For all of a request and its reply.
  private static let patience = TimeAmount.seconds(15)

  private let group = MultiThreadedEventLoopGroup.singleton

  package init() {}

  /// Posts an offer.
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
      let reply = try await exchange(.POST, address, body: offer, from: source)
      let next = reply.location.flatMap { address.resolving($0) }
      switch reply.status {
      case 200, 201: return Joined(answer: reply.body, session: next)
      case 301, 302, 307, 308:
        guard let next else { throw .redirected(address) }
        address = next
      default: throw Self.refusal(reply)
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
      throw Self.refusal(reply)
    }
  }

  private static func refusal(_ reply: Reply) -> WHEPClientError {
    let text = String(
      reply.body.split(whereSeparator: \.isNewline).joined(separator: " ").prefix(300)
    ).filter { $0.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f } }
    // A page of HTML is no sentence.
    let sentence = text.contains("<") ? "" : text
    if [409, 429, 503].contains(reply.status), let seconds = reply.retryAfter.flatMap({ Int($0) }) {
      return .later(
        status: reply.status, retryAfter: min(max(1, seconds), 3_600), sentence)
    }
    return .refused(status: reply.status, sentence)
  }

  private func exchange(
    _ method: HTTPMethod, _ address: WHEPAddress, body: String?, from source: IPAddress?
  ) async throws(WHEPClientError) -> Reply {
    let promise = group.next().makePromise(of: Reply.self)
    do {
      var bootstrap = ClientBootstrap(group: group).connectTimeout(Self.connecting)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            try channel.pipeline.syncOperations.addHandler(ReplyCollector(promise))
          }
        }
      if let source {
        bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: "\(source)", port: 0))
      }
      let channel = try await bootstrap.connect(host: address.host, port: address.port).get()
      // The collector fails the promise when the connection ends.
      let alarm = channel.eventLoop.scheduleTask(in: Self.patience) {
        channel.close(promise: nil)
      }
      defer { alarm.cancel() }
      Self.send(method, address, body: body, through: channel)
      let reply = try await promise.futureResult.get()
      channel.close(promise: nil)
      return reply
    } catch {
      promise.fail(error)
      switch error {
      case is HTTPParserError, is ReplyCollector.TooLong: throw .notHTTP(address)
      case is ReplyCollector.Ended: throw .unreachable(address, "it ended the connection")
      default: throw .unreachable(address, Self.words(error))
      }
    }
  }

  private static func send(
    _ method: HTTPMethod, _ address: WHEPAddress, body: String?, through channel: any Channel
  ) {
    var fields = HTTPHeaders([("Host", address.authority), ("Connection", "close")])
    if let body {
      fields.add(name: "Content-Type", value: "application/sdp")
      fields.add(name: "Accept", value: "application/sdp")
      fields.add(name: "Content-Length", value: "\(body.utf8.count)")
    }
    let head = HTTPRequestHead(
      version: .http1_1, method: method, uri: address.path, headers: fields)
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
    case ChannelError.connectTimeout: return "no answer within 5 s"
    case let error as NIOConnectionError:
      if let first = error.connectionErrors.first { return words(first.error) }
      return "the name is not known"
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

  private let promise: EventLoopPromise<WHEPClient.Reply>
  private var reply: WHEPClient.Reply?
  private var body: [UInt8] = []

  init(_ promise: EventLoopPromise<WHEPClient.Reply>) { self.promise = promise }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      reply = WHEPClient.Reply(
        status: Int(head.status.code), location: head.headers.first(name: "Location"),
        retryAfter: head.headers.first(name: "Retry-After"), body: "")
    case .body(let bytes):
      body += bytes.readableBytesView
      guard body.count <= SessionOffer.longest else {
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
