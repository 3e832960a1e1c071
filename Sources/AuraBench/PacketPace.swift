package import AuraStream

/// How many packets of a stream were due, by media time and by the clock: what a server is too slow to send has
/// no sequence number, and is not missed by the numbers of the packets around it. Allocates nothing.
package struct PacketPace: Equatable, Sendable {
  /// What is not here yet may still be on its way.
  private static let onItsWay = Duration.milliseconds(100)
  /// A timestamp that runs ahead of the clock by more is no pause but the beginning of another timeline.
  private static let mostAhead = Duration.seconds(2)

  /// The frames of a packet at 48 kHz: the shortest step from one number to the next; nil until one is known.
  package private(set) var packetFrames: Int?

  private var last: (number: UInt16, timestamp: UInt32, at: HostTime)?
  private var first: HostTime?
  /// From the first packet that is counted to the last.
  private var frames = 0

  package init() {}

  package static func == (a: Self, b: Self) -> Bool {
    (a.packetFrames, a.frames, a.first, a.last?.at) == (
      b.packetFrames, b.frames, b.first, b.last?.at
    )
  }

  /// A packet has come.
  ///
  /// - Parameters:
  ///   - number: its sequence number.
  ///   - timestamp: its media time, at 48 kHz.
  ///   - now: when it came.
  ///   - isCounted: whether it is measured; what comes before only tells how long packets are, and what comes
  ///     after nothing.
  package mutating func note(number: UInt16, timestamp: UInt32, now: HostTime, isCounted: Bool) {
    guard isCounted || first == nil else { return }
    guard let last else {
      last = (number, timestamp, now)
      if isCounted { first = now }
      return
    }
    let numbers = number &- last.number
    // Overtaken by others, or there twice.
    guard (1..<0x8000).contains(numbers) else { return }
    let step = Int(Int32(bitPattern: timestamp &- last.timestamp))
    if numbers == 1, step > 0 { packetFrames = min(packetFrames ?? step, step) }
    if first != nil {
      let isSameTimeline = step > 0 && step <= (now - last.at + Self.mostAhead).frames()
      frames += isSameTimeline ? step : Int(numbers) * (packetFrames ?? 0)
    } else if isCounted {
      first = now
    }
    self.last = (number, timestamp, now)
  }

  /// How many packets were due.
  ///
  /// - Parameters:
  ///   - begin: when counting began.
  ///   - end: when it ended.
  ///   - usual: the frames of a packet where none of this stream has told.
  /// - Returns: the number; nil when nobody knows how long a packet is.
  package func due(from begin: HostTime, to end: HostTime, usual: Int?) -> Int? {
    guard let packetFrames = packetFrames ?? usual else { return nil }
    func packets(_ silence: Duration) -> Int {
      max(0, (silence - Self.onItsWay).frames()) / packetFrames
    }
    guard let first, let last else { return packets(end - begin) }
    return packets(first - begin) + frames / packetFrames + 1 + packets(end - last.at)
  }
}
