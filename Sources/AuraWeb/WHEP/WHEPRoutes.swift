internal import AuraStream
internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore
internal import Synchronization

/// WHEP (docs/protocols/whep.md): `/whep/SLUG` to join, `/whep/SLUG/ID` to leave.
final class WHEPRoutes: Sendable {
  private static let endpointMethods: [HTTPRequest.Method] = [.get, .head, .options, .post]
  private static let sessionMethods: [HTTPRequest.Method] = [.delete, .get, .head, .options, .post]

  /// Not WHEP's: said behind the endpoint by our page, of its browser's buffer, and by `listen`.
  private static let cannotHold = "?holds=false"
  private static let canHold = "?holds=true"
  private static let passing = "?passing_ms="
  /// The most bytes of a listener's report.
  private static let reportBytes = 2_048

  private let handler: any WHEPHandler
  private let limits: HTTPService.Limits
  private let rate: Mutex<JoinRate>
  private let offersInHand = Mutex(0)

  init(handler: any WHEPHandler, limits: HTTPService.Limits) {
    self.handler = handler
    self.limits = limits
    rate = Mutex(JoinRate(perSecond: limits.joinsPerSecond, atOnce: limits.joinsAtOnce))
  }

  /// Answers one request; `parts` is what stands behind `/whep/`, split at the slashes.
  func reply(
    to request: HTTPRequest, parts: ArraySlice<Substring>, from source: IPAddress?,
    body: RequestBody
  ) async throws -> Reply {
    let names = parts.map(String.init)
    guard (1...2).contains(names.count), names.allSatisfy(Self.isName) else {
      return WebRoutes.notFound
    }
    if names.count == 2 { return try await session(names[1], request, body: body) }
    switch request.method {
    case .post: return try await join(names[0], request, from: source, body: body)
    case .get, .head:
      let isKnown = await handler.status().broadcasts.contains { $0.slug == names[0] }
      return isKnown ? Reply(.noContent) : Self.unknownBroadcast
    case .options:
      var reply = WebRoutes.options(Self.endpointMethods, request)
      reply.fields[.acceptPost] = "application/sdp"
      return reply
    default: return WebRoutes.notAllowed(Self.endpointMethods)
    }
  }

  private static func isName(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
  }

  // MARK: Sessions

  private func session(
    _ id: String, _ request: HTTPRequest, body: RequestBody
  ) async throws -> Reply {
    switch request.method {
    case .delete: await handler.delete(id: id) ? Reply(.ok) : Self.unknownSession
    case .get, .head: await handler.isListening(id: id) ? Reply(.noContent) : Self.unknownSession
    case .options: WebRoutes.options(Self.sessionMethods, request)
    case .post: try await report(id, request, body)
    default: WebRoutes.notAllowed(Self.sessionMethods)
    }
  }

  /// Not WHEP's: our own page tells what no packet does.
  private func report(_ id: String, _ request: HTTPRequest, _ body: RequestBody) async throws
    -> Reply
  {
    guard Self.mediaType(of: request) == "application/json" else {
      return Reply(.unsupportedMediaType, "A report is application/json.")
    }
    guard case .success(let bytes) = try await Self.content(of: body, atMost: Self.reportBytes)
    else { return Reply(.contentTooLarge, "A report has at most \(Self.reportBytes) bytes.") }
    guard let report = ListenerReport(json: bytes) else {
      return Reply(.badRequest, "The report is not the JSON it should be.")
    }
    guard let advice = await handler.report(report, from: id) else { return Self.unknownSession }
    guard advice.presentation.mode == .film else { return Reply(.noContent) }
    return Reply(.ok, type: "application/json", Array(advice.json.utf8))
  }

  private static let unknownSession = Reply(.notFound, "This listener has left, or never was here.")
  private static let unknownBroadcast = Reply(
    .notFound, "There is no broadcast of this name. /api/status lists those there are.")

  // MARK: Joining

  private func join(
    _ broadcast: String, _ request: HTTPRequest, from source: IPAddress?, body: RequestBody
  ) async throws -> Reply {
    guard let source, rate.withLock({ $0.take(source, at: .now) }) else {
      return Reply(
        .tooManyRequests, "Too many attempts from this address. Try again in a moment.",
        fields: [.retryAfter: "1"])
    }
    if let refusal = Self.unusable(request) { return refusal }
    guard begin() else {
      return Self.full(Self.crowd, retryAfter: "1")
    }
    defer { offersInHand.withLock { $0 -= 1 } }
    switch try await Self.offer(request, body, limit: limits.offerBytes) {
    case .failure(let refusal): return refusal.reply
    case .success(let offer):
      return await answer(offer, broadcast, from: source, keeping: Self.keeping(request.path))
    }
  }

  /// What stands behind the endpoint; what is not understood says nothing.
  private static func keeping(_ path: String?) -> PacketKeeping {
    guard let path, let mark = path.firstIndex(of: "?") else { return .unknown }
    let query = path[mark...]
    if query == cannotHold { return .server }
    if query == canHold { return .listener }
    guard query.hasPrefix(passing), let time = Int(query.dropFirst(passing.count)),
      (0...1000).contains(time)
    else { return .unknown }
    return .listenerFromStart(passing: .milliseconds(time))
  }

  private func begin() -> Bool {
    offersInHand.withLock { count in
      guard count < limits.offersInHand else { return false }
      count += 1
      return true
    }
  }

  private func answer(
    _ offer: String, _ broadcast: String, from source: IPAddress, keeping: PacketKeeping
  ) async -> Reply {
    do throws(WHEPRefusal) {
      let accepted = try await handler.offer(
        offer, broadcast: broadcast, from: source.unmapped.description, keeping: keeping)
      return Reply(
        .created, fields: [.location: "/whep/\(broadcast)/\(accepted.id)"],
        type: "application/sdp", Array(accepted.answer.utf8))
    } catch {
      return Self.reply(to: error)
    }
  }

  private static func reply(to refusal: WHEPRefusal) -> Reply {
    switch refusal {
    case .notLive(let retryAfter):
      let seconds = wholeSeconds(retryAfter)
      return Reply(
        .conflict, "Nothing is playing here now. Try again in \(seconds) s.",
        fields: [.retryAfter: String(seconds)])
    case .busy(let retryAfter):
      return full(crowd, retryAfter: String(wholeSeconds(retryAfter)))
    case .full(let reason): return full(reason, retryAfter: "10")
    case .badOffer(let sentence): return Reply(.badRequest, sentence)
    case .unknownBroadcast: return unknownBroadcast
    }
  }

  private static let crowd = "Too many listeners are arriving at this moment."

  private static func wholeSeconds(_ time: Duration) -> Int64 {
    max(1, Int64(time.inSeconds.rounded(.up)))
  }

  private static func full(_ reason: String, retryAfter: String) -> Reply {
    Reply(.serviceUnavailable, reason, fields: [.retryAfter: retryAfter])
  }

  // MARK: The offer

  private static func unusable(_ request: HTTPRequest) -> Reply? {
    let isPlain = request.headerFields[.contentEncoding].map { $0 == "identity" } ?? true
    guard mediaType(of: request) == "application/sdp", isPlain else {
      return Reply(
        .unsupportedMediaType, "Send the SDP offer as it is, with Content-Type: application/sdp.",
        fields: [.acceptPost: "application/sdp"])
    }
    return nil
  }

  static func mediaType(of request: HTTPRequest) -> String? {
    let type = request.headerFields[.contentType]?.prefix { $0 != ";" }
    return type?.split(separator: " ").first?.lowercased()
  }

  private struct Refusal: Error {
    let reply: Reply
  }

  struct TooLong: Error {}

  static func content(
    of body: RequestBody, atMost limit: Int
  ) async throws -> Result<[UInt8], TooLong> {
    var bytes: [UInt8] = []
    for try await part in body {
      guard bytes.count + part.readableBytes <= limit else { return .failure(TooLong()) }
      bytes.append(contentsOf: part.readableBytesView)
    }
    return .success(bytes)
  }

  private static func offer(
    _ request: HTTPRequest, _ body: RequestBody, limit: Int
  ) async throws -> Result<String, Refusal> {
    let tooLarge = Refusal(reply: Reply(.contentTooLarge, "An offer has at most \(limit) bytes."))
    if let length = request.headerFields[.contentLength].flatMap({ Int($0) }), length > limit {
      return .failure(tooLarge)
    }
    guard case .success(let bytes) = try await content(of: body, atMost: limit) else {
      return .failure(tooLarge)
    }
    guard !bytes.isEmpty else {
      return .failure(
        Refusal(
          reply: Reply(.badRequest, "There is no offer: the player makes it, not this server.")))
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return .failure(Refusal(reply: Reply(.badRequest, "The offer is no UTF-8 text.")))
    }
    return .success(text)
  }
}
