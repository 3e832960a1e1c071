internal import AuraStream
internal import HTTPTypes
internal import HummingbirdCore

/// From a request to its answer: who may ask, and who answers.
struct WebRoutes: Sendable {
  private let rules: AccessRules
  private let handler: any WHEPHandler
  private let whep: WHEPRoutes
  private let join: JoinRoutes
  private let events: EventRoutes
  private let mode: ModeRoute
  private let counts: HTTPCounts
  private let connections: ConnectionRegistry

  init(
    _ configuration: HTTPService.Configuration, handler: any WHEPHandler, counts: HTTPCounts,
    connections: ConnectionRegistry
  ) {
    self.counts = counts
    self.connections = connections
    rules = AccessRules(configuration)
    self.handler = handler
    whep = WHEPRoutes(handler: handler, limits: configuration.limits)
    join = JoinRoutes(configuration)
    mode = ModeRoute(handler)
    events = EventRoutes(handler, limits: configuration.limits)
  }

  func endStreams() { events.feed.end() }

  /// Answers one request that came from `source`. Throws what reading the body throws.
  func reply(
    to request: HTTPRequest, from source: IPAddress?, body: RequestBody
  ) async throws -> Reply {
    let reply: Reply
    switch rules.judge(request, from: source) {
    case .refused(let refusal): reply = refusal.completed(foreignOrigin: nil)
    case .allowed(let foreignOrigin):
      reply = try await routed(
        request, from: source, isForeign: foreignOrigin != nil, body: body
      )
      .completed(foreignOrigin: foreignOrigin)
    }
    counts.didAnswer(reply.status.code)
    return reply
  }

  private func routed(
    _ request: HTTPRequest, from source: IPAddress?, isForeign: Bool, body: RequestBody
  ) async throws -> Reply {
    // A whole URL (RFC 9112 §3.2.2) has become its path before.
    guard let target = request.path, target.hasPrefix("/") else {
      return Reply(.badRequest, "The request's target is no path.")
    }
    let path = target.prefix { $0 != "?" }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    if parts.first == "whep" {
      return try await whep.reply(to: request, parts: parts.dropFirst(), from: source, body: body)
    }
    if path == "/api/mode" {
      return try await mode.reply(to: request, from: source, isForeign: isForeign, body: body)
    }
    let content: Reply
    if parts.count == 3, parts.starts(with: ["api", "clock"]), let slug = parts.last {
      guard let clock = await handler.clock(of: String(slug)) else { return Self.notFound }
      return Self.forReading(Reply(.ok, type: "application/json", Array(clock.json.utf8)), request)
    }
    if parts.count == 3, parts.starts(with: ["api", "levels"]), let slug = parts.last {
      return await levels(of: String(slug), target: target, request)
    }
    switch path {
    case "/api/status":
      let status = await handler.status()
      let json = status.json(page: join.address(for: request))
      content = Reply(.ok, type: "application/json", Array(json.utf8))
    case "/api/events":
      content = events.reply(to: request, from: source) { join.address(for: request) }
    case "/metrics":
      let metrics =
        await handler.metrics()
        + counts.metrics(connections: connections.count, streams: events.feed.count)
      content = Reply(
        .ok, type: "text/plain; version=0.0.4; charset=utf-8",
        Array(metrics.map(\.text).joined().utf8))
    case "/healthz": content = Reply(.ok, "ok")
    default:
      guard let reply = join.reply(to: request, path: path) ?? Page.file(String(path)) else {
        return Self.notFound
      }
      content = reply
    }
    return Self.forReading(content, request)
  }

  /// `?rtp=N&ms=N`: the timestamp from which on, and how many milliseconds.
  private func levels(of slug: String, target: String, _ request: HTTPRequest) async -> Reply {
    let query = target.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
    var values: [Substring: Substring] = [:]
    for pair in query.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { values[parts[0]] = parts[1] }
    }
    guard let timestamp = values["rtp"].flatMap({ UInt32($0) }),
      let count = values["ms"].flatMap({ Int($0) }), (1...Self.mostLevels).contains(count)
    else {
      return Reply(
        .badRequest,
        "Ask ?rtp= an RTP timestamp &ms= how many milliseconds, 1 to \(Self.mostLevels).")
    }
    guard let levels = await handler.levels(of: slug, from: timestamp, count: count) else {
      return Self.notFound
    }
    return Self.forReading(Reply(.ok, type: "application/json", Array(levels.json.utf8)), request)
  }

  private static let mostLevels = 2_000

  static let notFound = Reply(.notFound, "There is nothing here. The page to listen is at /.")

  /// The answer of something that can only be read.
  private static func forReading(_ content: Reply, _ request: HTTPRequest) -> Reply {
    let methods = [HTTPRequest.Method.get, .head, .options]
    return switch request.method {
    case .get, .head: content
    case .options: options(methods, request)
    default: notAllowed(methods)
    }
  }

  static func notAllowed(_ methods: [HTTPRequest.Method]) -> Reply {
    let list = methods.map(\.rawValue).joined(separator: ", ")
    return Reply(.methodNotAllowed, "Only \(list) work here.", fields: [.allow: list])
  }

  /// The answer to OPTIONS, preflights (CORS) included; who asks has been judged already.
  static func options(_ methods: [HTTPRequest.Method], _ request: HTTPRequest) -> Reply {
    let list = methods.map(\.rawValue).joined(separator: ", ")
    var fields: HTTPFields = [.allow: list]
    if request.headerFields.contains(.accessControlRequestMethod) {
      fields[.accessControlAllowMethods] = list
      fields[.accessControlAllowHeaders] = "Authorization, Content-Type, If-Match"
      fields[.accessControlMaxAge] = "600"
    }
    if request.headerFields[.requestPrivateNetwork] == "true" {
      fields[.allowPrivateNetwork] = "true"
    }
    return Reply(.ok, fields: fields)
  }
}
