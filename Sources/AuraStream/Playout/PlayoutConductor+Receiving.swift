extension PlayoutConductor {
  /// Takes a packet in.
  ///
  /// - Parameters:
  ///   - packet: its header, and when it came.
  ///   - payload: in the clear: anything at all.
  ///   - frames: tells how many frames an encoded payload has; nil for one that is malformed.
  package mutating func receive(
    _ packet: Packet, payload: RawSpan, frames: (RawSpan) -> Int?
  ) {
    counts.packets += 1
    if ssrc != packet.ssrc { beginStream(packet.ssrc) }
    let (index, arrival) = tracker.note(packet.sequenceNumber)
    if arrival == .stray {
      counts.strays += 1
      return
    }
    if arrival == .restarted { beginStream(packet.ssrc, keepingCount: true) }
    let parts = depacketizer.parts(
      of: payload, payloadType: packet.payloadType, timestamp: packet.timestamp)
    for part in parts {
      let bytes = payload.extracting(part.range)
      guard let count = frames(bytes), count > 0 else {
        counts.malformed += 1
        continue
      }
      let media = mediaTime(of: part.timestamp)
      if part.isCurrent {
        note(media, frames: count, index: index, arrival: arrival, now: packet.arrival)
      }
      let frame = JitterBuffer.Frame(
        start: media, frames: count, payload: bytes.array(0..<bytes.byteCount),
        arrival: packet.arrival, index: part.isCurrent ? index : nil)
      insert(frame, arrival: arrival)
    }
  }

  /// Takes a sender report in (RFC 3550 section 6.4.1).
  ///
  /// - Parameters:
  ///   - ntpTime: the server's clock, made from its `HostTime` or another monotonic clock.
  ///   - timestamp: the media time of that instant.
  package mutating func senderReport(ntpTime: NTPTime, timestamp: UInt32) {
    sender.insert(media: mediaTime(of: timestamp), at: HostTime(ntpTime))
    refreshReference()
  }

  /// Takes in when the server wants its frames to be heard.
  package mutating func presentation(_ notice: PresentationNotice) {
    guard let newest else { return }
    delay.take(
      notice.plan(since: PacketClock(offset: 0).mediaTime(of: notice.timestamp, near: newest)))
  }

  /// Takes an answer of the server's clock in.
  package mutating func clockExchange(_ exchange: ClockExchange) {
    let steps = serverClock.steps
    serverClock.insert(exchange)
    doubts = serverClock.steps == steps ? max(0, doubts - 1) : 0
    refreshReference()
  }

  /// Decides which lost packets to ask for now.
  ///
  /// - Parameters:
  ///   - roundTrip: the way there and back, where it is known better than from clock exchanges.
  ///   - now: the present.
  /// - Returns: their sequence numbers, oldest first.
  package mutating func requests(roundTrip: Duration? = nil, now: HostTime) -> [UInt16] {
    guard parameters.requestsRepair, let newest = tracker.newest, let reference,
      let delay = currentDelay
    else { return [] }
    // A delay that was said is what will count, even where it does not yet.
    let latest = max(delay, self.delay.fixed ?? .zero) - pipeline
    return repairs.due(
      newest: newest, roundTrip: roundTrip ?? usualRoundTrip, now: now,
      deadline: { reference.instant(of: $0) + latest })
  }

  /// Another connection to the same or another server: what is known of clocks stays, until it proves
  /// wrong.
  package mutating func reconnect() { ssrc = nil }

  private var usualRoundTrip: Duration { serverClock.roundTrip ?? .milliseconds(10) }

  private mutating func beginStream(_ ssrc: UInt32, keepingCount: Bool = false) {
    counts.streams += 1
    self.ssrc = ssrc
    if !keepingCount { tracker = SequenceTracker() }
    buffer.reset()
    repairs.reset()
    arrivals = ArrivalTimeline()
    sender = SenderTimeline()
    delay.reset()
    newest = nil
    firstArrival = nil
    lastIndex = nil
    lateness = LatenessWatch()
    reference = nil
    isExact = false
    loseAlignment()
  }

  /// Timestamps count from the first one on, wraps included.
  private mutating func mediaTime(of timestamp: UInt32) -> MediaTime {
    guard let newest else {
      let first = MediaTime(frames: 1 << 32 + Int64(timestamp))
      self.newest = first
      return first
    }
    let time = PacketClock(offset: 0).mediaTime(of: timestamp, near: newest)
    self.newest = max(newest, time)
    return time
  }

  private mutating func note(
    _ media: MediaTime, frames: Int, index: Int64, arrival: SequenceTracker.Arrival, now: HostTime
  ) {
    packetFrames = frames
    firstArrival = firstArrival ?? now
    switch arrival {
    case .ahead(let missing):
      repairs.noteGap(missing, before: media, packetFrames: frames, now: now)
    case .behind(let packets):
      let inTime = buffer.played.map { media >= $0 } ?? true
      repairs.noteArrival(
        index, behind: packets, inTime: inTime,
        shortestRoundTrip: serverClock.shortestRoundTrip ?? .milliseconds(1), now: now)
    case .next, .restarted, .stray: break
    }
    if arrivals.insert(media, at: now) {
      // A clock has stepped, or the timestamps have: nothing that was known holds. Which of the two it
      // was the next answers of the server's clock tell.
      doubts = 3
      delay.reset()
      reference = nil
      isExact = false
      loseAlignment()
      newest = media
      buffer.reset()
    }
    refreshReference()
  }

  private mutating func insert(_ frame: JitterBuffer.Frame, arrival: SequenceTracker.Arrival) {
    let insertion = buffer.insert(frame)
    if frame.index != nil { lateness.note(isLate: insertion == .late, now: frame.arrival) }
    if insertion == .stored, frame.index == nil { repairs.noteCopy(of: frame.start) }
    // What came too late tells most; a copy of what is here tells nothing.
    guard insertion == .stored || insertion == .late && frame.index != nil, let reference else {
      return
    }
    let lateness = frame.arrival - reference.instant(of: frame.start)
    // A freeze is not jitter: no delay is made deeper for it. It holds up all packets and keeps their order.
    let farthest =
      if case .behind = arrival { Self.farthestOvertaken } else { ArrivalTimeline.farthest }
    guard lateness - earliest < farthest else { return }
    delay.note(lateness: lateness, now: frame.arrival)
    if insertion == .late { noteLate(lateness, arrival: arrival, now: frame.arrival) }
    if arrival == .next { stages.note(arrival: isExact ? lateness : nil) }
  }

  /// An answer to a request, or a packet that was overtaken, says nothing of those that keep order.
  private mutating func noteLate(
    _ lateness: Duration, arrival: SequenceTracker.Arrival, now: HostTime
  ) {
    if case .behind = arrival { return }
    lateRun = (lateRun?.since ?? now, min(lateRun?.least ?? lateness, lateness))
  }

  /// How late packets are at the earliest, from the reference on.
  var earliest: Duration {
    guard let reference, let line = arrivals.line, let newest else { return .zero }
    return line.instant(of: newest) - reference.instant(of: newest)
  }

  // MARK: What instants are counted from

  /// Takes the best line there is: capture instants, where they can be true.
  private mutating func refreshReference() {
    guard let earliest = arrivals.line, let media = newest else { return }
    var line = earliest
    var isExact = false
    if doubts == 0, let capture = captureLine {
      let transit = earliest.instant(of: media) - capture.instant(of: media)
      // Nothing comes before it was captured, as far as clocks are known.
      if transit > .milliseconds(-20), transit < .seconds(10) {
        line = capture
        isExact = true
      }
    }
    if let reference {
      let later = line.instant(of: media) - reference.instant(of: media)
      if isExact != self.isExact || later > .milliseconds(1) || later < .milliseconds(-1) {
        exchangeReference(later: later, isExact: isExact)
      }
    }
    reference = line
    self.isExact = isExact
  }

  /// What is heard stays where it is, but for a delay that was said: that begins to count now.
  private mutating func exchangeReference(later: Duration, isExact: Bool) {
    delay.shift(by: later)
    guard let fixed = delay.fixed else { return }
    if isExact, !self.isExact { loseAlignment() }
    if !isExact, self.isExact { delay.follow(fixed - later) }
  }

  /// The sender's line on our clock.
  private var captureLine: TimelineLine? {
    guard let line = sender.line, let host = serverClock.localTime(of: line.host) else {
      return nil
    }
    return TimelineLine(
      media: line.media, host: host,
      nanosecondsPerFrame: line.nanosecondsPerFrame / (1 + serverClock.driftPPM / 1e6))
  }
}
