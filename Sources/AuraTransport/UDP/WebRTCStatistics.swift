package import AuraStream

/// The numbers of one moment of a WebRTC server.
package struct WebRTCStatistics: Equatable, Sendable {
  /// What one listener is doing.
  package enum State: String, Sendable {
    /// It has its answer, and has not finished its handshake.
    case joining
    case playing
    /// It has been quiet for too long; media to it has paused.
    case paused
  }

  /// One listener.
  package struct Listener: Equatable, Sendable {
    /// Its name, as the answer gave it.
    package var id: String
    /// `192.0.2.1:40000`; empty before it has come.
    package var address: String
    package var state: State
    /// When its handshake was done; nil before.
    package var since: HostTime?
    /// How its sound is coded where it is uncompressed; nil for Opus.
    package var linear: LinearAudio?
    /// Packets made for it, and bytes sent.
    package var packets = 0
    package var bytes = 0
    /// Packets it says it lost, repairs counted as received.
    package var lost = 0
    /// The fraction of packets lost on their way, repairs not counted, as far as it tells.
    package var loss = 0.0
    package var jitter: Duration?
    package var roundTrip: Duration?
    /// What it says of itself.
    package var report: ListenerReport?
    /// Packets sent again because it asked, and requests that could not be met.
    package var repeated = 0
    package var refused = 0
    /// Second copies sent unasked.
    package var copies = 0
    /// Older frames that go along with each new one now.
    package var olderFrames = 0
    /// How many packets its newest one is behind the broadcast's: kept here, because it cannot.
    package var heldPackets = 0
    /// Datagrams that found the shard's socket full.
    package var dropped = 0
    /// Datagrams lost to other errors.
    package var failed = 0
    /// Datagrams from it that were thrown away, for whatever reason.
    package var ignored = 0

    let number: ListenerID

    init(id: String, number: ListenerID, address: String, state: State) {
      self.id = id
      self.number = number
      self.address = address
      self.state = state
    }

    mutating func add(_ numbers: SenderNumbers) {
      packets = numbers.counts.packets
      bytes = numbers.bytes
      loss = numbers.loss
      repeated = numbers.counts.repeated
      refused = numbers.counts.refused
      copies = numbers.counts.copies
      olderFrames = numbers.olderFrames
      heldPackets = numbers.heldPackets
      dropped = numbers.dropped
      failed = numbers.failed
    }
  }

  /// Everyone, in the order they came; also those who are joining.
  package var listeners: [Listener] = []
  /// How many hear.
  package var playing = 0
  /// Datagrams that found a shard's socket full, and frames that found its queue full, all in all.
  package var dropped = 0
  /// Bytes handed to the system, of all who ever listened.
  package var bytesSent = 0
  /// From a frame's capture until everyone's packet has been handed to the system.
  package var sendDelay: Duration?
  package var mostListeners = 0
  package var listenersServed = 0
  /// Frames lost because a shard itself was held up; each counts once for each shard.
  package var overflowedFrames = 0
  /// Joins that have their answer and are not finished.
  package var unfinished = 0
  /// How often a listener, or a join, has ended for each reason.
  package var ends: [String: Int] = [:]
  /// Offers that were refused, by reason.
  package var refusedFull = 0
  package var refusedBusy = 0
  package var refusedOffers = 0
  /// Datagrams that sessions threw away, of all there ever were.
  package var drops = SessionDrops()
  /// Datagrams from nobody we know.
  package var strangers = 0
  /// Requests for packets that found a shard's queue full.
  package var droppedSignals = 0

  package init() {}
}
