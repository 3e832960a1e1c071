extension ListenerSession where DTLS: ~Copyable {
  /// What the listener says about what it hears, encrypted.
  mutating func receiveFeedback(_ datagram: RawSpan, along path: NetworkPath, now: HostTime) {
    guard facts.isEstablished, paths.contains(path) else {
      countDrop(\.unexpected)
      return
    }
    guard let clear = dtls?.openFeedback(datagram) else {
      countDrop(\.unauthentic)
      return
    }
    didHear(along: path, now: now)
    guard let items = try? RTCPCompound.parse(unsafe clear.span.bytes) else {
      countDrop(\.malformed)
      return
    }
    for item in items { take(item, now: now) }
  }

  private mutating func take(_ item: RTCPItem, now: HostTime) {
    switch item {
    case .receiverReport(let report): take(report.reports, now: now)
    case .senderReport(let report): take(report.reports, now: now)
    case .genericNACK(let request) where request.mediaSSRC == ssrc:
      for entry in request.entries {
        put(
          .signal(
            .missing(sequenceNumber: entry.packetID, following: entry.followingLost)))
      }
    case .receiverReferenceTime(let question):
      put(.signal(.asked(ssrc: question.ssrc, middle: question.ntpTime.middle, at: now)))
    case .goodbye: close(.left)
    case .genericNACK, .sourceDescription, .delaySinceReference, .presentation: break
    }
  }

  private mutating func take(_ reports: [ReportBlock], now: HostTime) {
    for report in reports where report.ssrc == ssrc {
      let roundTrip = report.roundTrip(arrival: NTPTime(now))
      learn(report, roundTrip: roundTrip)
      put(.signal(.reported(fractionLost: report.fractionLost, roundTrip: roundTrip)))
    }
  }
}
