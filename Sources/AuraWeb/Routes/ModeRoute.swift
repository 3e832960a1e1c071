internal import AuraStream
internal import HTTPTypes
internal import HummingbirdCore

/// `/api/mode`: the host says when everyone hears. For programs on this computer only.
struct ModeRoute: Sendable {
  /// The most bytes of what the host wants.
  private static let mostBytes = 1_024
  private static let methods: [HTTPRequest.Method] = [.post, .options]

  private let handler: any WHEPHandler

  init(_ handler: any WHEPHandler) { self.handler = handler }

  /// Answers one request.
  ///
  /// - Parameters:
  ///   - request: what is asked.
  ///   - source: who asks.
  ///   - isForeign: whether it is the page of another site, also one that may listen.
  ///   - body: of the request.
  /// - Returns: the answer.
  /// - Throws: what reading the body throws.
  func reply(
    to request: HTTPRequest, from source: IPAddress?, isForeign: Bool, body: RequestBody
  ) async throws -> Reply {
    guard source?.isLoopback == true, !isForeign, !Self.isPassedOn(request) else {
      return Reply(.forbidden, "Only programs on the server's own computer may change this.")
    }
    switch request.method {
    case .options: return WebRoutes.options(Self.methods, request)
    case .post: break
    default: return WebRoutes.notAllowed(Self.methods)
    }
    guard WHEPRoutes.mediaType(of: request) == "application/json" else {
      return Reply(.unsupportedMediaType, "What is wanted is application/json.")
    }
    guard case .success(let bytes) = try await WHEPRoutes.content(of: body, atMost: Self.mostBytes)
    else { return Reply(.contentTooLarge, "This has at most \(Self.mostBytes) bytes.") }
    guard let wish = PresentationWish(json: bytes) else {
      return Reply(
        .badRequest,
        "Say {\"mode\":\"film\"} or {\"mode\":\"live\"}, or \"delay_ms\": 50 to 2000 or \"auto\", or both."
      )
    }
    let presentation = await handler.present(wish)
    return Reply(.ok, type: "application/json", Array(presentation.json.utf8))
  }

  /// Behind a proxy on this computer everyone comes from it.
  private static func isPassedOn(_ request: HTTPRequest) -> Bool {
    ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"].contains { name in
      HTTPField.Name(name).map(request.headerFields.contains) ?? false
    }
  }
}
