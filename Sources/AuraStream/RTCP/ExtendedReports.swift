/// A receiver's own clock, which it wants echoed (RRTR, RFC 3611 section 4.4).
package struct ReceiverReferenceTime: Equatable, Sendable {
  /// Who asks.
  package var ssrc: UInt32
  /// Its clock when it asked.
  package var ntpTime: NTPTime

  package init(ssrc: UInt32, ntpTime: NTPTime) {
    self.ssrc = ssrc
    self.ntpTime = ntpTime
  }

  /// Appends one whole RTCP packet.
  package func append(to bytes: inout [UInt8]) {
    ExtendedReport.appendHeader(ssrc: ssrc, block: ExtendedReport.reference, words: 2, to: &bytes)
    bytes.append(bigEndian: ntpTime.value)
  }
}

/// The echo to receivers' clocks, from which they know the round trip (DLRR, RFC 3611 section 4.5).
package struct DelaySinceReference: Equatable, Sendable {
  /// What one receiver asked, and how long ago.
  package struct Report: Equatable, Sendable {
    /// The receiver that asked.
    package var ssrc: UInt32
    /// The middle of its NTP time; zero when it has not asked.
    package var lastReference: UInt32
    /// How long its question was kept.
    package var delay: NTPShortDuration

    package init(ssrc: UInt32, lastReference: UInt32, delay: NTPShortDuration) {
      self.ssrc = ssrc
      self.lastReference = lastReference
      self.delay = delay
    }

    /// The way to the peer and back.
    ///
    /// - Parameter arrival: when this echo arrived, on the clock our question carried.
    /// - Returns: nil before we have been heard, or when the numbers cannot be true.
    package func roundTrip(arrival: NTPTime) -> Duration? {
      NTPShortDuration.roundTrip(arrival: arrival, echoed: lastReference, held: delay)
    }
  }

  /// Who echoes.
  package var ssrc: UInt32
  /// At most 100 when written; more are left out.
  package var reports: [Report]

  package init(ssrc: UInt32, reports: [Report]) {
    self.ssrc = ssrc
    self.reports = reports
  }

  /// Appends one whole RTCP packet.
  package func append(to bytes: inout [UInt8]) {
    let reports = reports.prefix(100)
    ExtendedReport.appendHeader(
      ssrc: ssrc, block: ExtendedReport.delay, words: 3 * reports.count, to: &bytes)
    for report in reports {
      bytes.append(bigEndian: report.ssrc)
      bytes.append(bigEndian: report.lastReference)
      bytes.append(bigEndian: report.delay.units)
    }
  }
}

/// The packet type that carries both (RFC 3611 section 2). Each of ours carries one block.
enum ExtendedReport {
  static let reference: UInt8 = 4
  static let delay: UInt8 = 5

  static func appendItems(
    of packet: RTCPPacket, _ bytes: RawSpan, to items: inout [RTCPItem]
  ) throws(RTCPError) {
    try packet.require(8)
    let ssrc = bytes.uint32(at: 4)
    var start = 8
    while start < packet.byteCount {
      guard items.count < RTCPCompound.mostItems else { throw .tooMany }
      // The packet is whole words, so a block's header is there; its length may lie.
      let end = start + 4 + 4 * Int(bytes.uint16(at: start + 2))
      try packet.require(end)
      switch bytes.byte(at: start) {
      case reference:
        guard end - start == 12 else { throw .malformed(type: packet.type) }
        let time = NTPTime(value: bytes.uint64(at: start + 4))
        items.append(.receiverReferenceTime(ReceiverReferenceTime(ssrc: ssrc, ntpTime: time)))
      case delay:
        guard (end - start - 4) % 12 == 0 else { throw .malformed(type: packet.type) }
        var reports: [DelaySinceReference.Report] = []
        for offset in stride(from: start + 4, to: end, by: 12) {
          reports.append(
            .init(
              ssrc: bytes.uint32(at: offset),
              lastReference: bytes.uint32(at: offset + 4),
              delay: NTPShortDuration(units: bytes.uint32(at: offset + 8))))
        }
        items.append(.delaySinceReference(DelaySinceReference(ssrc: ssrc, reports: reports)))
      default: break
      }
      start = end
    }
  }

  static func appendHeader(ssrc: UInt32, block: UInt8, words: Int, to bytes: inout [UInt8]) {
    RTCPPacket.appendHeader(
      type: RTCPPacket.Kind.extendedReport, count: 0, byteCount: 12 + 4 * words, to: &bytes)
    bytes.append(bigEndian: ssrc)
    bytes += [block, 0]
    bytes.append(bigEndian: UInt16(words))
  }
}
