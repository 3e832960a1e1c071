package import AuraHost
package import AuraStream
internal import Synchronization

/// What one player hears, on its way to the thread that plays: a sink with a bounded queue.
///
/// What finds no room is dropped and counted: sound that nobody takes is of no use later.
package final class PlayerQueue: PlayerSink {
  /// A packet of media.
  package struct Packet: Sendable {
    package var header: RTPHeader
    /// When it came.
    package var arrivedAt: HostTime
  }

  /// Something that is no media.
  package enum Event: Sendable {
    case started
    case liveness(SenderSignal.Liveness)
    case told(PlayerFacts.SenderClock, echo: DelaySinceReference.Report?)
    case ended(PlayerEnd)
  }

  private let packets: PayloadQueue<Packet>
  private let events = Mutex<[(Event, HostTime)]>([])
  private let facts = Mutex(PlayerFacts())
  private let wakeUp: WakeUp

  /// - Parameters:
  ///   - slots: packets that may wait, by default 1.3 s of the shortest.
  ///   - wakeUp: given when something has come; for a thread that waits for more than this.
  package init(slots: Int = 256, wakeUp: WakeUp = WakeUp()) {
    packets = PayloadQueue(slots: slots)
    self.wakeUp = wakeUp
  }

  /// Readable when something has come, for poll(2) and epoll(7); `drain` it before taking.
  package var fileDescriptor: Int32 { wakeUp.fileDescriptor }

  /// Waits until something has come or the time is over.
  package func wait(timeout: Duration?) { wakeUp.wait(timeout: timeout) }

  /// Takes the wake-ups given so far.
  package func drain() { wakeUp.drain() }

  /// Takes the oldest packet.
  ///
  /// - Parameter body: gets the packet and its payload, valid during the call.
  /// - Returns: whether there was one.
  package func takePacket(_ body: (Packet, RawSpan) -> Void) -> Bool {
    guard let (packet, payload) = unsafe packets.first else { return false }
    unsafe body(packet, payload.bytes)
    packets.removeFirst()
    return true
  }

  /// Takes what has happened since the last time, in order.
  package func takeEvents() -> [(event: Event, at: HostTime)] {
    events.withLock { events in
      defer { events = [] }
      return events
    }
  }

  /// How the session fares; at most a second old.
  package var latestFacts: PlayerFacts { facts.withLock { $0 } }

  /// Packets dropped because nobody came.
  package var dropped: Int { packets.dropped }

  // MARK: The players' thread

  package func playerStarted(now: HostTime) { note(.started, now) }

  package func playerHeard(
    _ header: RTPHeader, _ payload: UnsafeRawBufferPointer, now: HostTime
  ) {
    unsafe packets.push(payload, Packet(header: header, arrivedAt: now))
    wakeUp.signal()
  }

  package func playerReported(_ facts: PlayerFacts, now: HostTime) {
    self.facts.withLock { $0 = facts }
  }

  package func playerDoubts(_ liveness: SenderSignal.Liveness, now: HostTime) {
    note(.liveness(liveness), now)
  }

  package func playerTold(
    _ clock: PlayerFacts.SenderClock, echo: DelaySinceReference.Report?
  ) {
    note(.told(clock, echo: echo), clock.arrivedAt)
  }

  package func playerEnded(_ end: PlayerEnd, now: HostTime) { note(.ended(end), now) }

  private func note(_ event: Event, _ now: HostTime) {
    events.withLock { $0.append((event, now)) }
    wakeUp.signal()
  }
}
