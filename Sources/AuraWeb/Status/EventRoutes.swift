internal import AuraStream
internal import HTTPTypes

/// `/api/events`: the status as server-sent events (HTML standard §9.2), for those who want to know
/// at once and not ask all the time.
struct EventRoutes: Sendable {
  /// Lets a client that has lost us ask again after this many milliseconds.
  private static let retry = "retry: 3000\n"
  /// No event, and passed over; but who has gone is noticed by it.
  private static let heartbeat = Array(":\n\n".utf8)

  let feed: StatusFeed
  private let handler: any WHEPHandler
  private let silence: Duration

  init(_ handler: any WHEPHandler, limits: HTTPService.Limits) {
    self.handler = handler
    silence = limits.eventHeartbeat
    feed = StatusFeed(
      handler, most: limits.eventStreams, mostPerAddress: limits.eventStreamsPerAddress,
      interval: limits.eventInterval)
  }

  /// The answer to who may ask; `page` tells where phones find the page at the moment.
  func reply(
    to request: HTTPRequest, from source: IPAddress?, page: @escaping @Sendable () -> PageAddress
  ) -> Reply {
    var reply = Reply(.ok, fields: [.contentType: "text/event-stream", .connection: "close"])
    // Whoever only asks what there is takes no place.
    guard request.method == .get else { return reply }
    guard let statuses = feed.follow(from: source) else {
      return Reply(
        .serviceUnavailable, "Too many follow the status already: ask /api/status now and then.",
        fields: [.retryAfter: "10"])
    }
    reply.stream = { write in try await tell(statuses, page, write) }
    return reply
  }

  /// The whole status at once, and again when what people see of it has changed.
  private func tell(
    _ statuses: AsyncStream<WebStatus>, _ page: () -> PageAddress, _ write: Reply.Write
  ) async throws {
    var told = await handler.status()
    var address = page()
    var toldAt = ContinuousClock.now
    try await write(Array((Self.retry + Self.event(told, address)).utf8))
    for await status in statuses {
      let addressNow = page()
      if status.broadcasts != told.broadcasts || addressNow != address {
        (told, address) = (status, addressNow)
        try await write(Array(Self.event(told, address).utf8))
      } else if toldAt.duration(to: .now) >= silence {
        try await write(Self.heartbeat)
      } else {
        continue
      }
      toldAt = .now
    }
  }

  /// JSON has no line's end in it, so that one line of data is all.
  private static func event(_ status: WebStatus, _ page: PageAddress) -> String {
    "data: \(status.json(page: page))\n\n"
  }
}
