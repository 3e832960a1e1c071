import AuraStream
import AuraWeb
import Synchronization

/// Lets listeners in as told, and remembers what it was asked.
final class FakeHandler: WHEPHandler {
  struct Offer: Equatable {
    var sdp: String
    var broadcast: String
    var from: String
    var keeping = PacketKeeping.unknown
  }

  private struct State {
    var refusal: WHEPRefusal?
    var offers: [Offer] = []
    var ids: Set<String> = []
    var hangs = false
    var reports: [ListenerReport] = []
    var wishes: [PresentationWish] = []
    var presentation = WebStatus.Presentation()
    var listeners = 3
    var name = "The \"bar\""
  }

  static let answer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"

  private let state = Mutex(State())

  init(refusing refusal: WHEPRefusal? = nil, hangs: Bool = false) {
    state.withLock {
      $0.refusal = refusal
      $0.hangs = hangs
    }
  }

  var offers: [Offer] { state.withLock { $0.offers } }

  func offer(
    _ sdp: String, broadcast: String, from: String, keeping: PacketKeeping
  ) async throws(WHEPRefusal) -> WHEPAccepted {
    let (id, refusal) = state.withLock { state in
      state.offers.append(Offer(sdp: sdp, broadcast: broadcast, from: from, keeping: keeping))
      let id = "listener-\(state.offers.count)"
      if state.refusal == nil { state.ids.insert(id) }
      return (id, state.refusal)
    }
    if state.withLock({ $0.hangs }) { try? await Task.sleep(for: .seconds(3600)) }
    if let refusal { throw refusal }
    return WHEPAccepted(answer: Self.answer, id: id)
  }

  func delete(id: String) async -> Bool { state.withLock { $0.ids.remove(id) != nil } }

  func isListening(id: String) async -> Bool { state.withLock { $0.ids.contains(id) } }

  var reports: [ListenerReport] { state.withLock { $0.reports } }

  func report(_ report: ListenerReport, from id: String) async -> ListenerAdvice? {
    state.withLock { state in
      guard state.ids.contains(id) else { return nil }
      state.reports.append(report)
      return ListenerAdvice(presentation: state.presentation, late: .milliseconds(40))
    }
  }

  var wishes: [PresentationWish] { state.withLock { $0.wishes } }

  func present(_ wish: PresentationWish) async -> WebStatus.Presentation {
    state.withLock { state in
      state.wishes.append(wish)
      state.presentation = .init(mode: wish.mode ?? .live, delay: .milliseconds(250))
      return state.presentation
    }
  }

  /// What the status tells from now on.
  func set(listeners: Int, name: String? = nil) {
    state.withLock { state in
      state.listeners = listeners
      state.name = name ?? state.name
    }
  }

  func metrics() async -> [Metric] {
    [
      Metric("listeners", .gauge, "Who hears.", by: "transport", [("webrtc", 3), ("tcp", 0)]),
      Metric("send_delay_seconds", .gauge, "How old.", 0.0125),
    ]
  }

  func clock(of broadcast: String) async -> BroadcastClock? {
    guard broadcast == "main" else { return nil }
    return BroadcastClock(
      now: HostTime(nanoseconds: 5_000_000_000), rtpTimestamp: .max,
      capturedAt: HostTime(nanoseconds: 4_999_990_500), framesPerMillisecond: 48.0625,
      notice: PresentationNotice(
        PresentationPlan(
          number: 3, mode: .film, first: .milliseconds(250), last: .milliseconds(300)),
        timestamp: 7))
  }

  func levels(
    of broadcast: String, from timestamp: UInt32, count: Int
  ) async -> BroadcastLevels? {
    guard broadcast == "main" else { return nil }
    return BroadcastLevels(
      rtpTimestamp: timestamp &+ 5, levels: Array(repeating: 192, count: min(count, 3)))
  }

  func status() async -> WebStatus {
    let (name, listeners) = state.withLock { ($0.name, $0.listeners) }
    return WebStatus(
      broadcasts: [
        .init(
          slug: "main", name: name, source: "what this computer plays", isLive: true,
          listeners: listeners)
      ],
      listeners: [
        .init(
          broadcast: "main", transport: "webrtc", delay: .microseconds(23_400), loss: 0.25,
          since: 1_700_000_000)
      ])
  }
}
