/// The plan as listeners are told it: an RTCP packet that only ours understand (APP, RFC 3550
/// section 6.7; all others ignore it). It comes with every sender report, and at once with a new plan.
///
///      V=2 P=0 subtype=0 | PT=204 | length=6
///      SSRC of the media
///      "AURA"
///      number (8) | mode (8): 0 live, 1 film | at a pause (8) | 0 (8)
///      RTP timestamp of the first frame
///      its delay, in microseconds
///      the delay it moves to from there, in microseconds
package struct PresentationNotice: Equatable, Sendable {
  static let name: UInt32 = 0x4155_5241
  static let byteCount = 28

  package var ssrc: UInt32
  package var number: UInt8
  package var mode: BroadcastMode
  package var isAtPause: Bool
  /// The RTP timestamp of the first frame that it is for.
  package var timestamp: UInt32
  package var first: Duration
  package var last: Duration

  /// - Parameters:
  ///   - plan: the plan in force.
  ///   - time: a frame that it is for, the newest as a rule.
  ///   - clock: what the broadcast's RTP timestamps count.
  package init(_ plan: PresentationPlan, at time: MediaTime, clock: PacketClock) {
    let plan = plan.retold(at: time)
    self.init(plan, timestamp: clock.timestamp(of: plan.since))
  }

  package init(_ plan: PresentationPlan, timestamp: UInt32, ssrc: UInt32 = 0) {
    self.ssrc = ssrc
    number = plan.number
    mode = plan.mode
    isAtPause = plan.isAtPause
    self.timestamp = timestamp
    first = plan.first
    last = plan.last
  }

  /// What a packet carries as its contributing source (CSRC) in film mode: "AUR" and the number. A page is shown
  /// it as the packet is played, and no more of it.
  package var contributor: UInt32? { mode == .film ? 0x4155_5200 | UInt32(number) : nil }

  /// Nil for another application's packet, or another subtype of ours.
  init?(parsing bytes: RawSpan, _ packet: RTCPPacket) throws(RTCPError) {
    try packet.require(12)
    guard bytes.uint32(at: 8) == Self.name, packet.count == 0 else { return nil }
    // Later versions may say more.
    try packet.require(Self.byteCount)
    let first = Duration.microseconds(Int64(bytes.uint32(at: 20)))
    let last = Duration.microseconds(Int64(bytes.uint32(at: 24)))
    let bounds = PresentationPlan.delays
    guard bytes.byte(at: 13) < 2, bounds.contains(first), bounds.contains(last)
    else { throw .malformed(type: packet.type) }
    ssrc = bytes.uint32(at: 4)
    number = bytes.byte(at: 12)
    mode = bytes.byte(at: 13) == 1 ? .film : .live
    isAtPause = bytes.byte(at: 14) != 0
    timestamp = bytes.uint32(at: 16)
    self.first = first
    self.last = last
  }

  /// Appends one whole RTCP packet.
  package func append(to bytes: inout [UInt8]) {
    RTCPPacket.appendHeader(
      type: RTCPPacket.Kind.application, count: 0, byteCount: Self.byteCount, to: &bytes)
    bytes.append(bigEndian: ssrc)
    bytes.append(bigEndian: Self.name)
    bytes.append(number)
    bytes.append(mode == .film ? 1 : 0)
    bytes.append(isAtPause ? 1 : 0)
    bytes.append(0)
    bytes.append(bigEndian: timestamp)
    bytes.append(bigEndian: UInt32(clamping: first.inNanoseconds / 1_000))
    bytes.append(bigEndian: UInt32(clamping: last.inNanoseconds / 1_000))
  }

  /// The plan on a listener's own count of media time.
  ///
  /// - Parameter since: the frame that `timestamp` means.
  /// - Returns: the plan.
  package func plan(since: MediaTime) -> PresentationPlan {
    PresentationPlan(
      number: number, mode: mode, since: since, first: first, last: last, isAtPause: isAtPause)
  }
}
