internal import AuraHost
package import AuraStream
internal import Synchronization

/// Sends one broadcast to every client of the original protocol over TCP.
///
/// The media thread hands over chunks and goes on; one sender thread owns the sockets. Each
/// client has a cursor into a shared history: a slow one loses its oldest chunks, a stopped one is
/// closed, and neither is ever waited for. In film mode chunks wait there until their time.
package final class OriginalServer: Sendable {
  package struct Configuration: Sendable {
    /// What is sent.
    package var format: OriginalFormat
    /// Numeric addresses to listen on; empty means every address, IPv6 and IPv4.
    package var addresses: [String]
    package var port: Int
    /// Chunks that may wait for a client.
    package var queueSize: Int
    /// Clients at once; 0 is without limit.
    package var maxClients: Int
    /// Connections that may wait to be accepted.
    package var listenBacklog: Int
    /// Whether an address, 4 or 16 bytes in network order, may listen.
    package var mayListen: @Sendable ([UInt8]) -> Bool

    package init(
      format: OriginalFormat, addresses: [String], port: Int, queueSize: Int, maxClients: Int,
      listenBacklog: Int, mayListen: @escaping @Sendable ([UInt8]) -> Bool
    ) {
      self.format = format
      self.addresses = addresses
      self.port = port
      self.queueSize = queueSize
      self.maxClients = maxClients
      self.listenBacklog = listenBacklog
      self.mayListen = mayListen
    }
  }

  /// Something that happened to a client; told on the sender thread.
  package enum Event: Equatable, Sendable {
    case connected(address: String, clients: Int)
    /// It went by itself.
    case left(address: String, clients: Int)
    /// We ended it.
    case closed(address: String, clients: Int, reason: String)
    /// It was not let in.
    case refused(address: String, clients: Int, reason: String)
    /// The system has no file descriptor left for those who wait.
    case noRoom(clients: Int)
  }

  /// One client, as it was a moment ago.
  package struct Client: Equatable, Sendable {
    /// When it connected.
    package var since: HostTime
    /// The age of the oldest sound on its way to it, counted from capture; nil before any.
    package var age: Duration?
  }

  /// The numbers of one moment, at most a second old.
  package struct Statistics: Equatable, Sendable {
    package var clients = 0
    package var mostClients = 0
    package var clientsServed = 0
    package var clientsRefused = 0
    package var bytesSent = 0
    /// Chunks that slow clients lost, all clients together, since the beginning.
    package var droppedChunks = 0
    /// Chunks lost because the sender thread itself was held up.
    package var overflowedChunks = 0
    /// Chunks that were left out for everyone, and that went once more, because film mode's delay changed.
    package var skippedChunks = 0
    package var repeatedChunks = 0
    /// The age of the oldest sound that is on its way to any client, counted from its capture.
    package var oldest: Duration = .zero
    /// Everyone, in the order they came.
    package var listeners: [Client] = []

    package init() {}
  }

  /// The port that clients connect to; of interest after asking for port 0.
  package let port: Int

  private let queue: ChunkQueue
  private let wakeUp: WakeUp
  private let shared: SharedState
  private let thread: HostThread

  /// What the sender thread and the control side share.
  final class SharedState: Sendable {
    let statistics = Mutex(Statistics())
    /// When to stop, as nanoseconds of host time; `.max` while there is no reason to.
    let deadline = Atomic<Int64>(.max)
  }

  /// Binds the addresses and starts the sender thread.
  ///
  /// - Throws: `TransportError` when an address or the port cannot be had.
  package init(
    _ configuration: Configuration, onEvent: @escaping @Sendable (Event) -> Void
  ) throws(TransportError) {
    let queue = ChunkQueue(format: configuration.format)
    let shared = SharedState()
    let wakeUp = WakeUp()
    let sender = try OriginalSender(
      configuration, queue: queue, wakeUp: wakeUp, shared: shared, onEvent: onEvent)
    self.queue = queue
    self.shared = shared
    self.wakeUp = wakeUp
    port = sender.port
    thread = HostThread(name: "aura-tcp", realTimePriority: 10) { sender.run() }
  }

  /// Media thread: sends one chunk to everyone; never waits.
  ///
  /// - Parameters:
  ///   - samples: exactly one chunk: `chunkSize` frames of `channels` samples.
  ///   - capturedAt: the instant of its first frame.
  ///   - presentation: when it is to be heard.
  package func publish(
    _ samples: Span<Float>, capturedAt: HostTime, _ presentation: ChunkPresentation = .live
  ) {
    queue.push(samples, capturedAt: capturedAt, presentation)
    wakeUp.signal()
  }

  /// How things stand.
  package var statistics: Statistics {
    var statistics = shared.statistics.withLock { $0 }
    statistics.overflowedChunks = queue.dropped
    return statistics
  }

  /// Closes everything and waits for the sender thread.
  ///
  /// - Parameter draining: how long clients may take to receive what is already theirs.
  package func stop(draining: Duration = .zero) {
    shared.deadline.store((HostClock.now + draining).nanoseconds, ordering: .releasing)
    wakeUp.signal()
    thread.join()
  }
}
