/// What a receiver says about one sender (RFC 3550 section 6.4.1).
package struct ReportBlock: Equatable, Sendable {
  static let byteCount = 24

  /// The sender it is about.
  package var ssrc: UInt32
  /// Packets lost since the last report, in 1/256 of those expected.
  package var fractionLost: UInt8
  /// Packets lost since the beginning: 24 bits with a sign, negative when duplicates came.
  package var cumulativeLost: Int32
  /// The highest sequence number received, with the count of wraps in its upper half.
  package var highestSequenceNumber: UInt32
  /// Interarrival jitter in RTP timestamp units.
  package var jitter: UInt32
  /// The middle of the last sender report's NTP time; zero when none has come.
  package var lastSenderReport: UInt32
  /// How long ago that report came.
  package var delaySinceLastSenderReport: NTPShortDuration

  package init(
    ssrc: UInt32, fractionLost: UInt8, cumulativeLost: Int32, highestSequenceNumber: UInt32,
    jitter: UInt32, lastSenderReport: UInt32, delaySinceLastSenderReport: NTPShortDuration
  ) {
    self.ssrc = ssrc
    self.fractionLost = fractionLost
    self.cumulativeLost = cumulativeLost
    self.highestSequenceNumber = highestSequenceNumber
    self.jitter = jitter
    self.lastSenderReport = lastSenderReport
    self.delaySinceLastSenderReport = delaySinceLastSenderReport
  }

  /// The way to that receiver and back, measured by a report of ours that it echoes.
  ///
  /// - Parameter arrival: when this block arrived, on the clock our sender reports carry.
  /// - Returns: nil before the receiver has had a report, or when the numbers cannot be true.
  package func roundTrip(arrival: NTPTime) -> Duration? {
    NTPShortDuration.roundTrip(
      arrival: arrival, echoed: lastSenderReport, held: delaySinceLastSenderReport)
  }

  init(parsing bytes: RawSpan, at offset: Int) {
    ssrc = bytes.uint32(at: offset)
    fractionLost = bytes.byte(at: offset + 4)
    // The sign is the highest of 24 bits.
    cumulativeLost = Int32(bitPattern: bytes.uint32(at: offset + 4) << 8) >> 8
    highestSequenceNumber = bytes.uint32(at: offset + 8)
    jitter = bytes.uint32(at: offset + 12)
    lastSenderReport = bytes.uint32(at: offset + 16)
    delaySinceLastSenderReport = NTPShortDuration(units: bytes.uint32(at: offset + 20))
  }

  func append(to bytes: inout [UInt8]) {
    let lost = min(max(cumulativeLost, -0x80_0000), 0x7f_ffff)
    bytes.append(bigEndian: ssrc)
    bytes.append(bigEndian: UInt32(fractionLost) << 24 | UInt32(bitPattern: lost) & 0xff_ffff)
    bytes.append(bigEndian: highestSequenceNumber)
    bytes.append(bigEndian: jitter)
    bytes.append(bigEndian: lastSenderReport)
    bytes.append(bigEndian: delaySinceLastSenderReport.units)
  }

  /// The blocks of a report, from `offset` on; what follows them is a profile's own and left alone.
  static func blocks(of packet: RTCPPacket, _ bytes: RawSpan, from offset: Int) throws(RTCPError)
    -> [Self]
  {
    try packet.require(offset + packet.count * byteCount)
    var blocks: [Self] = []
    blocks.reserveCapacity(packet.count)
    for index in 0..<packet.count {
      blocks.append(Self(parsing: bytes, at: offset + index * byteCount))
    }
    return blocks
  }
}

/// What a sender says: how its media time stands to its clock, and how much it has sent (RFC 3550
/// section 6.4.1).
package struct SenderReport: Equatable, Sendable {
  package var ssrc: UInt32
  /// The instant the report is about.
  package var ntpTime: NTPTime
  /// The media time at that same instant.
  package var rtpTimestamp: UInt32
  /// Packets and payload bytes since the beginning; both wrap.
  package var packetCount: UInt32
  package var octetCount: UInt32
  /// At most 31 when written; more are left out.
  package var reports: [ReportBlock]

  package init(
    ssrc: UInt32, ntpTime: NTPTime, rtpTimestamp: UInt32, packetCount: UInt32, octetCount: UInt32,
    reports: [ReportBlock] = []
  ) {
    self.ssrc = ssrc
    self.ntpTime = ntpTime
    self.rtpTimestamp = rtpTimestamp
    self.packetCount = packetCount
    self.octetCount = octetCount
    self.reports = reports
  }

  init(parsing bytes: RawSpan, _ packet: RTCPPacket) throws(RTCPError) {
    reports = try ReportBlock.blocks(of: packet, bytes, from: 28)
    ssrc = bytes.uint32(at: 4)
    ntpTime = NTPTime(value: bytes.uint64(at: 8))
    rtpTimestamp = bytes.uint32(at: 16)
    packetCount = bytes.uint32(at: 20)
    octetCount = bytes.uint32(at: 24)
  }

  /// Appends one whole RTCP packet.
  package func append(to bytes: inout [UInt8]) {
    let reports = reports.prefix(31)
    RTCPPacket.appendHeader(
      type: RTCPPacket.Kind.senderReport, count: reports.count,
      byteCount: 28 + reports.count * ReportBlock.byteCount, to: &bytes)
    bytes.append(bigEndian: ssrc)
    bytes.append(bigEndian: ntpTime.value)
    bytes.append(bigEndian: rtpTimestamp)
    bytes.append(bigEndian: packetCount)
    bytes.append(bigEndian: octetCount)
    for report in reports { report.append(to: &bytes) }
  }
}

/// What a peer that sends nothing says about those it hears (RFC 3550 section 6.4.2).
package struct ReceiverReport: Equatable, Sendable {
  /// Who reports.
  package var ssrc: UInt32
  /// At most 31 when written; more are left out.
  package var reports: [ReportBlock]

  package init(ssrc: UInt32, reports: [ReportBlock]) {
    self.ssrc = ssrc
    self.reports = reports
  }

  init(parsing bytes: RawSpan, _ packet: RTCPPacket) throws(RTCPError) {
    reports = try ReportBlock.blocks(of: packet, bytes, from: 8)
    ssrc = bytes.uint32(at: 4)
  }

  /// Appends one whole RTCP packet.
  package func append(to bytes: inout [UInt8]) {
    let reports = reports.prefix(31)
    RTCPPacket.appendHeader(
      type: RTCPPacket.Kind.receiverReport, count: reports.count,
      byteCount: 8 + reports.count * ReportBlock.byteCount, to: &bytes)
    bytes.append(bigEndian: ssrc)
    for report in reports { report.append(to: &bytes) }
  }
}
