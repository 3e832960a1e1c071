/// Encoded frames that wait for their turn, in the order of media time.
///
/// Repeated, redundant and reordered packets all meet here: a frame is known by where it begins, so
/// whichever copy comes first is kept. Bounded; what finds no room pushes out the oldest.
package struct JitterBuffer: Sendable {
  /// One packet's worth of encoded sound.
  package struct Frame: Equatable, Sendable {
    /// Where it begins.
    package var start: MediaTime
    /// How long it is, at 48 kHz.
    package var frames: Int
    package var payload: [UInt8]
    /// When it came.
    package var arrival: HostTime
    /// Its packet's number; nil for a copy that came along with a later packet.
    package var index: Int64?

    package init(
      start: MediaTime, frames: Int, payload: [UInt8], arrival: HostTime, index: Int64?
    ) {
      self.start = start
      self.frames = frames
      self.payload = payload
      self.arrival = arrival
      self.index = index
    }

    /// Where the next one begins.
    package var end: MediaTime { start + frames }
  }

  /// What became of a frame.
  package enum Insertion: Equatable, Sendable {
    case stored
    /// It is here already.
    case duplicate
    /// Its place has been played.
    case late
  }

  /// What became of all frames since the beginning.
  package struct Counts: Equatable, Sendable {
    package var stored = 0
    /// Of these: came after a later one.
    package var reordered = 0
    /// Of these: copies that came along with later packets, where the packet itself had not come.
    package var redundant = 0
    package var duplicates = 0
    package var late = 0
    /// Pushed out, or passed over by a jump, without having been played.
    package var unplayed = 0

    package init() {}
  }

  package private(set) var counts = Counts()
  /// All before this has been played or passed over.
  package private(set) var played: MediaTime?

  private let capacity: Int
  private var waiting: [Frame] = []

  /// An empty buffer for at most `capacity` frames.
  package init(capacity: Int = 1024) {
    precondition(capacity > 0, "a buffer that holds nothing")
    self.capacity = capacity
    waiting.reserveCapacity(capacity + 1)
  }

  package var count: Int { waiting.count }
  package var first: Frame? { waiting.first }
  package var last: Frame? { waiting.last }

  /// Takes a frame in.
  package mutating func insert(_ frame: Frame) -> Insertion {
    if let played, frame.start < played {
      // A copy of what has been played is no late packet; nobody can tell them apart.
      if frame.index != nil { counts.late += 1 }
      return .late
    }
    let place = (waiting.lastIndex { $0.start <= frame.start }).map { $0 + 1 } ?? 0
    if place > 0, waiting[place - 1].start == frame.start {
      if frame.index != nil {
        counts.duplicates += 1
        // Which packet it was tells loss from silence.
        if waiting[place - 1].index == nil { waiting[place - 1].index = frame.index }
      }
      return .duplicate
    }
    counts.stored += 1
    if frame.index == nil {
      counts.redundant += 1
    } else if place < waiting.count {
      counts.reordered += 1
    }
    waiting.insert(frame, at: place)
    if waiting.count > capacity { _ = pushOut() }
    return .stored
  }

  /// Takes the first frame out; everything before its end counts as played.
  package mutating func removeFirst() -> Frame? {
    guard !waiting.isEmpty else { return nil }
    let frame = waiting.removeFirst()
    pass(frame.end)
    return frame
  }

  /// Everything before `time` is played or passed over; frames that end by then go.
  package mutating func pass(_ time: MediaTime) {
    played = max(played ?? time, time)
    while let first = waiting.first, first.end <= time { _ = pushOut() }
  }

  /// Forgets all frames and places; the counts stay.
  package mutating func reset() {
    counts.unplayed += waiting.count
    waiting.removeAll(keepingCapacity: true)
    played = nil
  }

  private mutating func pushOut() -> Frame {
    counts.unplayed += 1
    return waiting.removeFirst()
  }
}
