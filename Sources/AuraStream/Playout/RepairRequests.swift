/// Decides which packets to ask for again, and when (RFC 4585 leaves that to the receiver).
///
/// A gap is asked for once as many later packets have come as packets on this way are ever overtaken
/// by: at once where order is kept. Every round trip it is asked for again, and no more when the
/// answer could not be in time to be played.
package struct RepairRequests: Sendable {
  /// What became of the requests.
  package struct Counts: Equatable, Sendable {
    /// Packets asked for, each counted once.
    package var packets = 0
    /// Times packets were asked for.
    package var requests = 0
    /// Packets that were asked for and came in time to be played.
    package var useful = 0
    /// That came when their time was over.
    package var tooLate = 0
    /// That had only been overtaken, or that a redundant copy made good.
    package var needless = 0
    /// That never came.
    package var failed = 0
    /// Missing packets that were not asked for: no time, or no room to remember them.
    package var skipped = 0

    package init() {}
  }

  /// A packet that has not come.
  private struct Missing {
    var index: Int64
    var media: MediaTime
    var since: HostTime
    var firstAsked: HostTime?
    var lastAsked: HostTime?
    var times = 0
  }

  /// The most missing packets that are remembered.
  package static let most = 256
  /// How often one packet is asked for: as often as our server answers, and as there is time for in 150 ms of delay
  /// at the shortest pause. Where a tenth is lost both ways a try fails in a fifth of all cases, so one packet in
  /// 5,000,000,000 is then missing; with 8 tries it would be one in 6,000,000, more than one a day.
  package static let mostTimes = 12
  /// The shortest time between two requests for one packet.
  private static let shortestPause = Duration.milliseconds(10)
  /// How long the number of later packets is waited for, where they come slowly.
  private static let longestWait = Duration.milliseconds(60)

  package private(set) var counts = Counts()
  private var missing: [Missing] = []
  private var depth = ReorderDepth()

  package init() { missing.reserveCapacity(Self.most) }

  /// Packets that are missing and may still come.
  package var missingCount: Int { missing.count }
  /// How many packets one is overtaken by at worst.
  package var reorderDepth: Int { depth.packets }

  /// A gap has shown itself.
  ///
  /// - Parameters:
  ///   - indices: the missing packets' numbers, wraps counted.
  ///   - before: the packet that showed it: where it begins.
  ///   - packetFrames: how long a packet is.
  ///   - now: the present.
  package mutating func noteGap(
    _ indices: Range<Int64>, before: MediaTime, packetFrames: Int, now: HostTime
  ) {
    depth.roll(now)
    let excess = indices.count + missing.count - Self.most
    // The newest have the most time left.
    if excess > 0 {
      let forgotten = min(excess, missing.count)
      for entry in missing[..<forgotten] { settle(entry) }
      missing.removeFirst(forgotten)
    }
    let known = indices.suffix(Self.most)
    counts.skipped += indices.count - known.count
    for index in known {
      let back = Int(index - indices.upperBound) * packetFrames
      missing.append(Missing(index: index, media: before + back, since: now))
    }
  }

  /// A packet has come out of order: one that was missing, or a copy.
  ///
  /// - Parameters:
  ///   - index: its number, wraps counted.
  ///   - behind: how many later packets came before it.
  ///   - inTime: whether its place has not been played yet.
  ///   - shortestRoundTrip: the least time there and back: what is here sooner is no answer.
  ///   - now: the present.
  /// - Returns: whether it is the answer to a request.
  @discardableResult
  package mutating func noteArrival(
    _ index: Int64, behind: Int, inTime: Bool, shortestRoundTrip: Duration, now: HostTime
  ) -> Bool {
    guard let place = missing.firstIndex(where: { $0.index == index }) else { return false }
    let entry = missing.remove(at: place)
    // Sooner than an answer could be here, it was on its way already.
    guard let asked = entry.firstAsked, now - asked >= shortestRoundTrip * 3 / 4 else {
      if entry.firstAsked != nil { counts.needless += 1 }
      depth.note(depth: behind, at: now)
      return false
    }
    if inTime { counts.useful += 1 } else { counts.tooLate += 1 }
    return true
  }

  /// A frame has come another way: nobody needs its packet any more.
  package mutating func noteCopy(of media: MediaTime) {
    guard let place = missing.firstIndex(where: { $0.media == media }) else { return }
    if missing.remove(at: place).firstAsked != nil { counts.needless += 1 }
  }

  /// Decides which packets to ask for now.
  ///
  /// - Parameters:
  ///   - newest: the newest packet's number.
  ///   - roundTrip: the way there and back.
  ///   - now: the present.
  ///   - deadline: when a frame must be here to be played.
  /// - Returns: their sequence numbers, oldest first.
  package mutating func due(
    newest: Int64, roundTrip: Duration, now: HostTime, deadline: (MediaTime) -> HostTime
  ) -> [UInt16] {
    guard !missing.isEmpty else { return [] }
    let pause = max(Self.shortestPause, roundTrip * 5 / 4)
    var asked: [UInt16] = []
    var kept = 0
    for place in missing.indices {
      var entry = missing[place]
      let latest = deadline(entry.media)
      if now > latest {
        settle(entry)
        continue
      }
      // Before a second answer could not be in time any more, a request too many is better than none.
      let isUrgent = now + roundTrip + pause > latest
      if isUrgent && entry.firstAsked == nil
        || isDue(entry, newest: newest, pause: pause, now: now), now + roundTrip <= latest
      {
        if entry.firstAsked == nil {
          counts.packets += 1
          entry.firstAsked = now
        }
        entry.lastAsked = now
        entry.times += 1
        counts.requests += 1
        asked.append(UInt16(truncatingIfNeeded: entry.index))
      }
      missing[kept] = entry
      kept += 1
    }
    missing.removeLast(missing.count - kept)
    return asked
  }

  /// Forgets what is missing, for the sender counts anew.
  package mutating func reset() {
    for entry in missing { settle(entry) }
    missing.removeAll(keepingCapacity: true)
    depth = ReorderDepth()
  }

  private func isDue(_ entry: Missing, newest: Int64, pause: Duration, now: HostTime) -> Bool {
    if let last = entry.lastAsked { return entry.times < Self.mostTimes && now - last >= pause }
    return newest - entry.index > Int64(depth.packets) || now - entry.since >= Self.longestWait
  }

  private mutating func settle(_ entry: Missing) {
    if entry.firstAsked != nil { counts.failed += 1 } else { counts.skipped += 1 }
  }
}
