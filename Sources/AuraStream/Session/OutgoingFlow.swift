/// What one listener is sent: packet indexes, history, repair, reports. For one sender thread.
///
/// Makes no socket calls and does not encrypt: whoever drives it takes a draft, encrypts it in
/// place, commits it, and sends the bytes. An index is handed out with exactly one draft, so none
/// can be encrypted twice with different bytes. Nothing is allocated per packet.
package struct OutgoingFlow: ~Copyable {
  /// What was agreed on when the listener joined.
  package struct Parameters: Sendable {
    package var ssrc: UInt32
    /// The listener's payload type for what it is sent.
    package var payloadType: UInt8
    /// How uncompressed sound is coded for it; nil for Opus.
    package var linear: LinearAudio?
    /// Its payload type for redundant Opus; nil when not agreed on.
    package var redundantPayloadType: UInt8?
    /// Whether film mode's packets carry the number of the plan that they are heard by, as a contributing
    /// source: of a packet a page sees those and no more.
    package var tellsPlan: Bool
    /// Whether it may ask for packets again.
    package var answersNACK: Bool
    /// Below 32,768, so that the first wrap is far and both sides count it (RFC 3711 section 3.3.1).
    package var firstSequenceNumber: UInt16
    /// Our lasting name in reports.
    package var cname: String
    /// The duration of a packet.
    package var packetDuration: Duration
    /// The longest payload that is to be expected as a rule; sizes the history.
    package var typicalPayloadBytes: Int

    package init(
      ssrc: UInt32, payloadType: UInt8, linear: LinearAudio? = nil,
      redundantPayloadType: UInt8?, tellsPlan: Bool = false, answersNACK: Bool,
      firstSequenceNumber: UInt16, cname: String, packetDuration: Duration, typicalPayloadBytes: Int
    ) {
      self.ssrc = ssrc
      self.payloadType = payloadType
      self.linear = linear
      self.redundantPayloadType = redundantPayloadType
      self.tellsPlan = tellsPlan
      self.answersNACK = answersNACK
      self.firstSequenceNumber = firstSequenceNumber
      self.cname = cname
      self.packetDuration = packetDuration
      self.typicalPayloadBytes = typicalPayloadBytes
    }
  }

  /// A packet that has its place and its index, to be encrypted in place.
  @safe package struct Draft: ~Copyable {
    /// Header and payload, then room for the authentication tag.
    package let bytes: UnsafeMutableRawBufferPointer
    /// Header and payload in `bytes`.
    package let byteCount: Int
    /// The packet's 48-bit index: rollover counter and sequence number.
    package let index: UInt64
  }

  /// No datagram is larger.
  package static let mostDatagramBytes = 1_200
  /// The room for an authentication tag: GCM's 16, and CM's 10.
  package static let trailerBytes = 16
  /// The longest payload that fits.
  package static let mostPayloadBytes =
    mostDatagramBytes - RTPHeader.byteCount - RTPHeader.contributorByteCount - trailerBytes
  /// How far apart the two copies of a packet are sent: longer than most bursts of loss, and inside
  /// what a browser's jitter buffer waits.
  private static let secondCopyDelay = Duration.milliseconds(20)
  /// For how long a packet can be asked for: more than a browser's jitter buffer waits. It is most of what a
  /// listener takes of the memory; with more than one older frame in a packet it is a little shorter.
  private static let historyDuration = Duration.milliseconds(500)
  /// As often as our listener asks for a packet.
  private static let mostRepeats = RepairRequests.mostTimes
  private static let reportInterval = Duration.seconds(1)

  package let parameters: Parameters
  package private(set) var repair: RepairPolicy
  package private(set) var counts = Counts()

  private var history: PacketHistory
  /// The bytes of history with an older frame in every packet.
  private let redundantHistoryBytes: Int
  private var nextIndex: UInt64
  private let secondCopyDistance: UInt64
  private var roundTrip = Duration.milliseconds(40)
  private var repeatBudget: TokenBucket
  private var nextReport: HostTime
  /// The number of the plan that was told last; none at first.
  private var toldPlan: UInt8?
  private var question: (ssrc: UInt32, middle: UInt32, at: HostTime)?
  private let description: [UInt8]

  /// What was sent, since the beginning.
  package struct Counts: Equatable, Sendable {
    /// Packets made, each with an index of its own.
    package var packets = 0
    package var payloadBytes = 0
    /// Packets sent again because the listener asked.
    package var repeated = 0
    /// Requests that could not be met: the packet was gone, or asked for too often.
    package var refused = 0
    /// Second copies that were sent unasked.
    package var copies = 0

    package init() {}
  }

  package init(_ parameters: Parameters, now: HostTime) {
    precondition(parameters.firstSequenceNumber < 0x8000, "the first wrap must be far")
    self.parameters = parameters
    repair = RepairPolicy(
      .init(
        nack: parameters.answersNACK, redundancy: parameters.redundantPayloadType != nil),
      now: now)
    nextIndex = UInt64(parameters.firstSequenceNumber)
    let milliseconds = max(1, Int(parameters.packetDuration.inNanoseconds / 1_000_000))
    let packets = max(16, Int(Self.historyDuration.inNanoseconds / 1_000_000) / milliseconds)
    func historyBytes(frames: Int) -> Int {
      let typical = parameters.typicalPayloadBytes * frames + 12 + Self.trailerBytes + 16
      return max(2 * Self.mostDatagramBytes, packets * min(Self.mostDatagramBytes, typical))
    }
    history = PacketHistory(packets: packets, byteCapacity: historyBytes(frames: 1))
    redundantHistoryBytes = historyBytes(frames: 2)
    secondCopyDistance = UInt64(
      max(1, Int(Self.secondCopyDelay.inNanoseconds / 1_000_000) / milliseconds))
    // Twice the packets of ordinary play, and a burst of half a second of them.
    let packetRate = 1000 / Double(milliseconds)
    repeatBudget = TokenBucket(rate: 2 * packetRate, burst: packetRate / 2, now: now)
    nextReport = now
    var description: [UInt8] = []
    SourceDescription(ssrc: parameters.ssrc, cname: parameters.cname).append(to: &description)
    self.description = description
  }

  // MARK: New packets

  /// Writes the next packet.
  ///
  /// - Parameters:
  ///   - payload: an encoded frame, or with `isRedundant` a redundant payload; at most
  ///     `mostPayloadBytes` long.
  ///   - isRedundant: whether the payload is a redundant one (RFC 2198).
  ///   - timestamp: the RTP timestamp of the first frame.
  ///   - marker: whether the timestamp has jumped.
  ///   - notice: when the packet is to be heard.
  /// - Returns: what is to be encrypted and committed.
  package mutating func draft(
    payload: UnsafeRawBufferPointer, isRedundant: Bool, timestamp: UInt32, marker: Bool,
    notice: PresentationNotice? = nil
  ) -> Draft {
    precondition(payload.count <= Self.mostPayloadBytes, "a payload must fit into a datagram")
    let index = nextIndex
    nextIndex += 1
    let contributor = parameters.tellsPlan ? notice?.contributor : nil
    let headerByteCount = RTPHeader.byteCount(contributor: contributor)
    let byteCount = headerByteCount + payload.count
    // Most listeners never need older frames along: those who do get the memory with the first.
    if isRedundant { history.grow(to: redundantHistoryBytes) }
    let room = unsafe history.makeRoom(byteCount + Self.trailerBytes)
    let payloadType = isRedundant ? parameters.redundantPayloadType : nil
    unsafe RTPHeader(
      payloadType: payloadType ?? parameters.payloadType,
      sequenceNumber: UInt16(truncatingIfNeeded: index), timestamp: timestamp,
      ssrc: parameters.ssrc, marker: marker, contributor: contributor
    ).write(into: room)
    unsafe UnsafeMutableRawBufferPointer(rebasing: room[headerByteCount..<byteCount])
      .copyMemory(from: payload)
    counts.packets += 1
    counts.payloadBytes += payload.count
    return unsafe Draft(bytes: room, byteCount: byteCount, index: index)
  }

  /// Keeps an encrypted draft, to be sent now and perhaps again.
  ///
  /// - Parameters:
  ///   - draft: the draft, encrypted in place.
  ///   - byteCount: its length with the authentication tag.
  ///   - now: when it is sent.
  /// - Returns: the bytes to send; valid until the next draft.
  package mutating func commit(
    _ draft: consuming Draft, byteCount: Int, now: HostTime
  ) -> UnsafeRawBufferPointer {
    history.keep(index: draft.index, byteCount: byteCount, sentAt: now)
    repair.didSend(now: now)
    return unsafe UnsafeRawBufferPointer(rebasing: draft.bytes[..<byteCount])
  }

  /// The packet whose second copy is due along with the newest packet, if the listener needs one.
  package mutating func secondCopy() -> UnsafeRawBufferPointer? {
    guard repair.sendsTwice, nextIndex > secondCopyDistance,
      let packet = unsafe history.packet(nextIndex - 1 - secondCopyDistance)
    else { return nil }
    counts.copies += 1
    return unsafe packet
  }

  // MARK: What the listener tells

  /// The listener asked for a packet.
  ///
  /// - Parameters:
  ///   - sequenceNumber: the packet's.
  ///   - now: when it asked.
  /// - Returns: the bytes it was sent, to be sent again; nil when there is nothing to send.
  package mutating func packetAgain(
    _ sequenceNumber: UInt16, now: HostTime
  ) -> UnsafeRawBufferPointer? {
    guard parameters.answersNACK, let index = history.index(of: sequenceNumber) else { return nil }
    if !history.wasRepeated(index) { repair.didMiss(now: now) }
    let pause = max(.milliseconds(10), roundTrip * 3 / 4)
    switch history.takeAgain(index, pause: pause, most: Self.mostRepeats, now: now) {
    case .packet(let packet):
      guard repeatBudget.take(now: now) else { break }
      counts.repeated += 1
      return unsafe packet
    case .tooSoon, .unknown: break
    }
    counts.refused += 1
    return nil
  }

  /// The listener reported.
  ///
  /// - Parameters:
  ///   - fractionLost: in 1/256 of what it should have had.
  ///   - roundTrip: the way there and back, where it can be told.
  ///   - now: when it came.
  package mutating func didReport(fractionLost: UInt8, roundTrip: Duration?, now: HostTime) {
    if let roundTrip { self.roundTrip = min(max(roundTrip, .milliseconds(1)), .seconds(1)) }
    repair.didReport(loss: Double(fractionLost) / 256, now: now)
  }

  /// The listener wants its clock echoed; the next report does it.
  ///
  /// - Parameters:
  ///   - ssrc: who asks.
  ///   - middle: the middle 32 bits of its clock.
  ///   - at: when the question came.
  package mutating func didAsk(ssrc: UInt32, middle: UInt32, at: HostTime) {
    question = (ssrc, middle, at)
  }

  // MARK: Reports

  /// Whether a report is due: in its turn, or because the broadcast has a new plan.
  ///
  /// - Parameters:
  ///   - plan: the plan's number.
  ///   - now: the present.
  /// - Returns: whether it is.
  package func isReportDue(plan: UInt8, now: HostTime) -> Bool {
    now >= nextReport || toldPlan != plan
  }

  /// Appends a compound report: sender report, name, the plan, and the echo of the listener's clock.
  ///
  /// - Parameters:
  ///   - timestamp: the RTP timestamp of an instant of the broadcast's fitted timeline.
  ///   - instant: that instant, a moment ago.
  ///   - now: the instant the report is about.
  ///   - notice: when the broadcast's frames are to be heard.
  ///   - bytes: what it is appended to.
  package mutating func appendReport(
    timestamp: UInt32, at instant: HostTime, now: HostTime, notice: PresentationNotice,
    to bytes: inout [UInt8]
  ) {
    nextReport = now + Self.reportInterval
    toldPlan = notice.number
    appendSenderReport(timestamp: timestamp, at: instant, now: now, to: &bytes)
    var notice = notice
    notice.ssrc = parameters.ssrc
    notice.append(to: &bytes)
    if let question {
      DelaySinceReference(
        ssrc: parameters.ssrc,
        reports: [
          .init(
            ssrc: question.ssrc, lastReference: question.middle,
            delay: NTPShortDuration(now - question.at))
        ]
      ).append(to: &bytes)
      self.question = nil
    }
  }

  /// Appends the last compound report: the listener is told that nothing more comes.
  package func appendFarewell(
    timestamp: UInt32, at instant: HostTime, now: HostTime, to bytes: inout [UInt8]
  ) {
    appendSenderReport(timestamp: timestamp, at: instant, now: now, to: &bytes)
    Goodbye(ssrcs: [parameters.ssrc]).append(to: &bytes)
  }

  private func appendSenderReport(
    timestamp: UInt32, at instant: HostTime, now: HostTime, to bytes: inout [UInt8]
  ) {
    let frames = (now - instant).frames()
    SenderReport(
      ssrc: parameters.ssrc, ntpTime: NTPTime(now),
      rtpTimestamp: timestamp &+ UInt32(truncatingIfNeeded: frames),
      packetCount: UInt32(truncatingIfNeeded: counts.packets),
      octetCount: UInt32(truncatingIfNeeded: counts.payloadBytes)
    ).append(to: &bytes)
    bytes += description
  }
}
