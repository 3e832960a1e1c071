internal import AuraHost
package import AuraStream
internal import AuraTransport
package import AuraWeb

/// What stands behind the HTTP door: a broadcast, who joins it, and what it tells of itself.
package final class WebDoor: WHEPHandler {
  /// The slug of a server's only broadcast.
  package static let slug = "main"
  /// How soon it makes sense to ask again while nothing is captured.
  private static let retryAfter = Duration.seconds(2)

  private let broadcast: Broadcast
  private let name: String
  private let source: String

  /// - Parameters:
  ///   - broadcast: what is heard behind this door.
  ///   - name: its name for people.
  ///   - source: where its sound comes from, for people.
  package init(_ broadcast: Broadcast, name: String, source: String) {
    self.broadcast = broadcast
    self.name = name
    self.source = source
  }

  package func offer(
    _ sdp: String, broadcast slug: String, from source: String, keeping: PacketKeeping
  ) async throws(WHEPRefusal) -> WHEPAccepted {
    guard slug == Self.slug else { throw .unknownBroadcast }
    guard broadcast.isLive else { throw .notLive(retryAfter: Self.retryAfter) }
    let start = PacketStart(keeping, delay: broadcast.presentationDelay)
    switch broadcast.webRTC.offer(sdp, name: name, from: source, start: start) {
    case .success(let accepted): return WHEPAccepted(answer: accepted.answer, id: accepted.id)
    case .failure(let refusal): throw WHEPRefusal(refusal)
    }
  }

  package func delete(id: String) async -> Bool { broadcast.webRTC.remove(id) }

  package func isListening(id: String) async -> Bool { broadcast.webRTC.isKnown(id) }

  package func report(_ report: ListenerReport, from id: String) async -> ListenerAdvice? {
    let delay = broadcast.presentationDelay
    guard broadcast.webRTC.take(report, from: id, delay: delay) else { return nil }
    broadcast.presenter.note(needs: broadcast.webRTC.needs)
    let state = broadcast.presenter.state
    let needed = state.mode == .film ? broadcast.webRTC.need(of: id) : nil
    let late = needed.map { max(.zero, $0 - state.delay) } ?? .zero
    if broadcast.webRTC.note(late: late, of: id) { broadcast.tellLateness() }
    return ListenerAdvice(presentation: presentation(state), late: late)
  }

  package func present(_ wish: PresentationWish) async -> WebStatus.Presentation {
    broadcast.presenter.change(mode: wish.mode, choice: wish.delay)
    return presentation(broadcast.presenter.state)
  }

  private func presentation(_ state: Presenter.State) -> WebStatus.Presentation {
    WebStatus.Presentation(mode: state.mode, delay: state.mode == .film ? state.delay : nil)
  }

  package func metrics() async -> [Metric] { broadcast.statistics.metrics }

  package func clock(of slug: String) async -> BroadcastClock? {
    guard slug == Self.slug, let line = broadcast.timeline else { return nil }
    let now = HostClock.now
    let clock = broadcast.webRTC.clock
    let plan = broadcast.presenter.plan
    let (timestamp, instant) = clock.report(at: now, on: line)
    return BroadcastClock(
      now: now, rtpTimestamp: timestamp, capturedAt: instant,
      framesPerMillisecond: 1e6 / line.nanosecondsPerFrame,
      presentation: WebStatus.Presentation(mode: plan.mode, delay: broadcast.delay(by: plan)),
      notice: PresentationNotice(plan, at: line.mediaTime(at: now), clock: clock))
  }

  package func levels(
    of slug: String, from timestamp: UInt32, count: Int
  ) async -> BroadcastLevels? {
    guard slug == Self.slug, let line = broadcast.timeline else { return nil }
    let clock = broadcast.webRTC.clock
    let from = clock.mediaTime(of: timestamp, near: line.media)
    guard let found = broadcast.levels.levels(from: from, count: count) else { return nil }
    return BroadcastLevels(
      rtpTimestamp: clock.timestamp(of: found.start), levels: found.levels)
  }

  package func status() async -> WebStatus {
    let numbers = broadcast.statistics
    let entry = WebStatus.BroadcastEntry(
      slug: Self.slug, name: name, source: source, isLive: broadcast.isLive,
      listeners: numbers.listeners, presentation: presentation(broadcast.presenter.state))
    let heard = numbers.webRTC.listeners.filter { $0.state != .joining }
    return WebStatus(
      broadcasts: [entry],
      listeners: heard.map { self.entry(of: $0, sendDelay: numbers.webRTC.sendDelay) }
        + numbers.server.listeners.map(Self.entry))
  }

  private func entry(
    of listener: WebRTCStatistics.Listener, sendDelay: Duration?
  ) -> WebStatus.ListenerEntry {
    let toTheNetwork = sendDelay.map { $0 + (listener.roundTrip ?? .zero) / 2 }
    return WebStatus.ListenerEntry(
      broadcast: Self.slug, transport: "webrtc",
      codec: listener.linear?.rawValue ?? "opus", delay: listener.report?.delay ?? toTheNetwork,
      parts: listener.report?.parts, loss: listener.loss,
      jitter: listener.jitter ?? listener.report?.jitter,
      roundTrip: listener.roundTrip,
      since: HostClock.unixSeconds(at: listener.since ?? HostClock.now))
  }

  private static func entry(_ client: OriginalServer.Client) -> WebStatus.ListenerEntry {
    WebStatus.ListenerEntry(
      broadcast: slug, transport: "tcp", delay: client.age,
      since: HostClock.unixSeconds(at: client.since))
  }
}

extension WHEPRefusal {
  /// The same, as a web page's reader is told.
  fileprivate init(_ refusal: WebRTCServer.Refusal) {
    self =
      switch refusal {
      case .badOffer(let sentence): .badOffer(sentence)
      case .full:
        .full(reason: "There is no room for one more listener; somebody must leave first.")
      case .busy(let seconds):
        .busy(retryAfter: .seconds(seconds))
      }
  }
}
