internal import AuraHost
internal import AuraStream
internal import Synchronization

/// What the network thread tells a shard.
enum ShardSignal: Sendable {
  case join(JoiningListener)
  case listener(ListenerID, SenderSignal)
  /// The listener is told, and forgotten.
  case leave(ListenerID)
}

/// A listener on its way to its shard's thread.
final class JoiningListener: Sendable {
  private let listener: Mutex<ShardListener?>

  init(_ listener: consuming ShardListener) { self.listener = Mutex(listener) }

  /// The listener, the first time.
  func take() -> ShardListener? {
    listener.withLock { $0.take() }
  }
}

/// A thread that sends to its share of the listeners.
///
/// Media comes through one queue, everything else through another; the thread waits for nothing
/// but their wake-up. Per packet it does not allocate, lock, or count references.
final class SenderShard: @unchecked Sendable {
  // The queues, the wake-up, `isStopping`, `overflowed` and `published` are shared. Everything else
  // belongs to the thread once `run` has begun.

  private static let housekeeping = Duration.milliseconds(500)
  /// Frames over which the delay is averaged.
  private static let smoothing = 64.0

  /// The numbers of one moment.
  struct Numbers: Sendable {
    var listeners: [SenderNumbers] = []
    /// Datagrams that found a socket full, of all who were ever here.
    var dropped = 0
    /// Bytes handed to the system, likewise.
    var bytes = 0
    /// From a frame's capture until everyone's packet was handed to the system; nil before the first.
    var delay: Duration?
  }

  let frames = FrameQueue()
  let signals = SignalQueue<ShardSignal>(capacity: 4_096)
  let sockets: ShardSockets
  private let places: [BoundPlace]
  private let wakeUp = WakeUp()
  private let isStopping = Atomic<Bool>(false)
  private let published = Mutex(Numbers())

  private var listeners = ListenerTable()
  private var history = FrameHistory()
  /// Where reports are written, so that none allocates.
  private var control: [UInt8] = []
  private var nextHousekeeping = HostTime(nanoseconds: 0)
  /// From a frame's capture until the last listener's packet was handed to the system, smoothed.
  private var delayNanoseconds: Double?
  private var droppedOfGone = 0
  private var bytesOfGone = 0

  init(_ places: [BoundPlace]) throws(TransportError) {
    self.places = places
    control.reserveCapacity(OutgoingFlow.mostDatagramBytes)
    sockets = try ShardSockets(places)
  }

  // MARK: Other threads

  /// Media thread: sends one frame to everyone; never waits.
  func publish(_ payload: Span<UInt8>, _ frame: EncodedFrame) {
    frames.push(payload, frame)
    wakeUp.signal()
  }

  /// Network thread: wakes the shard for the signals it was given.
  func wake() { wakeUp.signal() }

  /// Ends the thread, soon; listeners are told.
  func stop() {
    isStopping.store(true, ordering: .releasing)
    wakeUp.signal()
  }

  /// How it and its listeners fare; at most half a second old.
  var numbers: Numbers { published.withLock { $0 } }

  // MARK: The thread

  func run() {
    while !isStopping.load(ordering: .acquiring) {
      wakeUp.wait(timeout: Self.housekeeping)
      turn()
    }
    takeSignals()
    guard let frame = history.newest else { return }
    let now = HostClock.now
    listeners.forEach { $0.sayGoodbye(frame, now: now, with: &control) }
  }

  /// Does everything that waits.
  func turn() {
    takeSignals()
    while let (frame, payload) = unsafe frames.first {
      unsafe send(frame, payload)
      frames.removeFirst()
      takeSignals()
    }
    let now = HostClock.now
    if now >= nextHousekeeping { keepHouse(now: now) }
  }

  /// How every listener fares at this moment; on the shard's own thread.
  var current: [SenderNumbers] {
    var numbers: [SenderNumbers] = []
    listeners.forEach { numbers.append($0.snapshot) }
    return numbers
  }

  private func send(_ frame: EncodedFrame, _ payload: UnsafeRawBufferPointer) {
    let now = HostClock.now
    if let linear = frame.linear {
      listeners.forEach { listener in
        guard listener.flow.parameters.linear == linear else { return }
        unsafe listener.send(payload, frame, now: now, with: &control)
      }
    } else {
      guard unsafe history.take(frame, payload) else { return }
      listeners.forEach { listener in
        guard listener.flow.parameters.linear == nil else { return }
        listener.send(&history, now: now, with: &control)
      }
    }
    let passed = Double((HostClock.now - frame.capturedAt).inNanoseconds)
    delayNanoseconds = delayNanoseconds.map { $0 + (passed - $0) / Self.smoothing } ?? passed
  }

  private func takeSignals() {
    guard var signal = signals.pop() else { return }
    let now = HostClock.now
    while true {
      take(signal, now: now)
      guard let next = signals.pop() else { return }
      signal = next
    }
  }

  private func take(_ signal: ShardSignal, now: HostTime) {
    switch signal {
    case .join(let joining):
      if let listener = joining.take() { listeners.insert(listener) }
    case .listener(let id, let signal):
      let place = if case .moved(let path) = signal { places.index(for: path) } else { nil as Int? }
      let pair = place.map { sockets.pairs[$0] }
      listeners.with(id) { $0.take(signal, through: pair, now: now) }
    case .leave(let id):
      let frame = history.newest
      listeners.with(id) { listener in
        if let frame { listener.sayGoodbye(frame, now: now, with: &control) }
        droppedOfGone += listener.numbers.dropped
        bytesOfGone += listener.numbers.bytes
      }
      listeners.remove(id)
    }
  }

  private func keepHouse(now: HostTime) {
    nextHousekeeping = now + Self.housekeeping
    var numbers = Numbers(dropped: droppedOfGone, bytes: bytesOfGone)
    numbers.listeners.reserveCapacity(listeners.count)
    listeners.forEach { listener in
      numbers.listeners.append(listener.snapshot)
      numbers.dropped += listener.numbers.dropped
      numbers.bytes += listener.numbers.bytes
    }
    numbers.delay = delayNanoseconds.map { .nanoseconds(Int64($0)) }
    let snapshot = numbers
    published.withLock { $0 = snapshot }
  }
}

extension ShardListener {
  /// Does what the listener's session says.
  mutating func take(_ signal: SenderSignal, through pair: SocketPair?, now: HostTime) {
    switch signal {
    case .moved(let path):
      if let pair { move(to: path, through: pair) }
    case .liveness(let liveness): become(liveness)
    case .missing(let sequenceNumber, let following):
      repeatPackets(from: sequenceNumber, following: following, now: now)
    case .reported(let fractionLost, let roundTrip):
      didReport(fractionLost: fractionLost, roundTrip: roundTrip, now: now)
    case .asked(let ssrc, let middle, let at):
      didAsk(ssrc: ssrc, middle: middle, at: at)
    case .hold(let hold): keep(for: hold)
    }
  }
}
