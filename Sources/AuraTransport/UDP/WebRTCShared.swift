internal import AuraHost
internal import AuraStream
internal import Synchronization

/// What the control side and the network thread share.
final class WebRTCShared: Sendable {
  /// What the control side wants of the network thread.
  enum Order: Sendable {
    case join(Join)
    case leave(name: String)
    case hold(name: String, Duration)
    case stop
  }

  let admission: Mutex<Admission>
  /// Offers that could not be answered.
  let refusedOffers = Atomic<Int>(0)
  private let l16Listeners = Atomic<Int>(0)
  private let l24Listeners = Atomic<Int>(0)
  /// What is known of a listener besides its packets.
  struct Told: Sendable {
    /// What it says of itself.
    var report = ListenerReport()
    var hold: HoldRule
    /// Nothing yet: what is held for it follows the plan.
    var isSilent = false
    var lateness = LatenessRule()
  }

  /// Everyone who has not gone, by name.
  let reports = Mutex<[String: Told]>([:])
  let statistics = Mutex(WebRTCStatistics())
  let wakeUp = WakeUp()
  private let orders = Mutex<[Order]>([])

  init(mostListeners: Int, now: HostTime) {
    admission = Mutex(Admission(mostListeners: mostListeners, now: now))
  }

  /// Network thread: counts one more, or one less, who is sent sound of this coding.
  func countLinear(_ linear: LinearAudio?, by change: Int) {
    switch linear {
    case .l16: l16Listeners.wrappingAdd(change, ordering: .relaxed)
    case .l24: l24Listeners.wrappingAdd(change, ordering: .relaxed)
    case nil: break
    }
  }

  /// Any thread: how many are sent sound of this coding.
  func linearListeners(to linear: LinearAudio) -> Int {
    linear == .l16 ? l16Listeners.load(ordering: .relaxed) : l24Listeners.load(ordering: .relaxed)
  }

  /// Any thread. What waits is bounded: joins by their admission, leaves by the names.
  func submit(_ order: Order) {
    if case .join(let join) = order {
      let start = join.start
      let hold = HoldRule(start.hold, since: HostClock.now)
      reports.withLock { $0[join.name] = Told(hold: hold, isSilent: start.followsPlan) }
    }
    orders.withLock { $0.append(order) }
    wakeUp.signal()
  }

  /// Network thread: takes everything that waits.
  func takeOrders() -> [Order] {
    wakeUp.drain()
    return orders.withLock { orders in
      defer { orders = [] }
      return orders
    }
  }
}
