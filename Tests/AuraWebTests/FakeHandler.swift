import AuraWeb
import Synchronization

/// Lets listeners in as told, and remembers what it was asked.
final class FakeHandler: WHEPHandler {
  struct Offer: Equatable {
    var sdp: String
    var broadcast: String
    var from: String
  }

  private struct State {
    var refusal: WHEPRefusal?
    var offers: [Offer] = []
    var ids: Set<String> = []
    var hangs = false
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
    _ sdp: String, broadcast: String, from: String
  ) async throws(WHEPRefusal) -> WHEPAccepted {
    let (id, refusal) = state.withLock { state in
      state.offers.append(Offer(sdp: sdp, broadcast: broadcast, from: from))
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

  func status() async -> WebStatus {
    WebStatus(
      broadcasts: [
        .init(slug: "main", name: "The \"bar\"", source: "what this computer plays", isLive: true)
      ],
      listeners: [
        .init(
          broadcast: "main", transport: "webrtc", delay: .microseconds(23_400), loss: 0.25,
          since: 1_700_000_000)
      ])
  }
}
