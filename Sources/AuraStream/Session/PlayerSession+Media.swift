extension PlayerSession where DTLS: ~Copyable {
  /// The reports' interval: often enough for repair, and not all listeners at once.
  private var reportInterval: Duration { .milliseconds(900 + Int(parameters.ssrc % 200)) }

  var firstReportDelay: Duration { .milliseconds(200 + Int(parameters.ssrc % 800)) }

  // MARK: In

  mutating func receiveMedia(
    _ datagram: UnsafeMutableRawBufferPointer, from remote: Endpoint, now: HostTime
  ) -> RTPHeader? {
    guard facts.isEstablished, agent.isValid(remote) else {
      facts.drops.unexpected += 1
      return nil
    }
    guard let header = unsafe header(of: datagram) else { return nil }
    didHear(now: now)
    guard
      header.payloadType == parameters.payloadType
        || header.payloadType == parameters.redundantPayloadType
    else {
      facts.drops.unexpected += 1
      return nil
    }
    mediaSSRC = header.ssrc
    switch facts.reception.note(
      sequenceNumber: header.sequenceNumber, timestamp: header.timestamp, now: now)
    {
    case .inOrder, .late: return header
    case .duplicate, .tooOld: return nil
    }
  }

  /// The header of media from our source, in the clear when it is to be opened.
  private mutating func header(of datagram: UnsafeMutableRawBufferPointer) -> RTPHeader? {
    guard
      let protected = try? unsafe RTPHeader(
        parsingProtected: UnsafeRawBufferPointer(datagram).bytes)
    else {
      facts.drops.malformed += 1
      return nil
    }
    if let mediaSSRC, protected.ssrc != mediaSSRC {
      facts.drops.unexpected += 1
      return nil
    }
    guard parameters.opensMedia else { return protected }
    guard let count = unsafe dtls?.openMedia(datagram) else {
      // Replay protection drops second copies, which some listeners get: they are no forgeries.
      if facts.reception.hasSeen(protected.sequenceNumber) {
        facts.reception.noteDuplicate()
      } else {
        facts.drops.unauthentic += 1
      }
      return nil
    }
    let clear = unsafe UnsafeRawBufferPointer(rebasing: datagram[..<count])
    guard let header = try? unsafe RTPHeader(parsing: clear.bytes) else {
      facts.drops.malformed += 1
      return nil
    }
    return header
  }

  /// What the server says about what it sends.
  mutating func receiveReports(_ datagram: RawSpan, from remote: Endpoint, now: HostTime) {
    guard facts.isEstablished, agent.isValid(remote) else {
      facts.drops.unexpected += 1
      return
    }
    guard let clear = dtls?.openFeedback(datagram) else {
      facts.drops.unauthentic += 1
      return
    }
    didHear(now: now)
    guard let items = try? RTCPCompound.parse(unsafe clear.span.bytes) else {
      facts.drops.malformed += 1
      return
    }
    var told: PlayerFacts.SenderClock?
    var echo: DelaySinceReference.Report?
    var notice: PresentationNotice?
    for item in items {
      switch item {
      case .senderReport(let report) where mediaSSRC == nil || report.ssrc == mediaSSRC:
        told = .init(ntpTime: report.ntpTime, rtpTimestamp: report.rtpTimestamp, arrivedAt: now)
      case .delaySinceReference(let block):
        for report in block.reports where report.ssrc == parameters.ssrc {
          echo = report
          if let roundTrip = report.roundTrip(arrival: NTPTime(now)) { facts.roundTrip = roundTrip }
        }
      case .presentation(let presentation) where mediaSSRC.map { $0 == presentation.ssrc } ?? true:
        notice = presentation
      case .goodbye(let goodbye) where mediaSSRC.map(goodbye.ssrcs.contains) ?? true:
        close(.goodbye)
      case .senderReport, .receiverReport, .sourceDescription, .goodbye, .genericNACK,
        .receiverReferenceTime, .presentation:
        break
      }
    }
    told?.notice = notice
    facts.senderClock = told ?? facts.senderClock
    if let told { put(.told(told, echo: echo)) }
  }

  // MARK: Out

  /// Asks for packets again, if the server has agreed to that; afterwards drain `nextOutput`.
  ///
  /// - Parameters:
  ///   - lost: sequence numbers, oldest first; what does not fit into one packet is left out.
  ///   - now: the present.
  package mutating func request(_ lost: [UInt16], now: HostTime) {
    guard parameters.answersNACK, let mediaSSRC, !lost.isEmpty, facts.isEstablished else { return }
    var bytes: [UInt8] = []
    if !parameters.hasReducedSizeRTCP { appendOpening(to: &bytes) }
    GenericNACK(senderSSRC: parameters.ssrc, mediaSSRC: mediaSSRC, lost: lost).append(to: &bytes)
    facts.requested += lost.count
    sendFeedback(bytes)
  }

  mutating func report(now: HostTime) {
    nextReport = now + reportInterval
    var bytes: [UInt8] = []
    appendReport(to: &bytes, now: now)
    if parameters.echoesReferenceTime {
      ReceiverReferenceTime(ssrc: parameters.ssrc, ntpTime: NTPTime(now)).append(to: &bytes)
    }
    facts.reports += 1
    sendFeedback(bytes)
  }

  mutating func sayGoodbye() {
    guard facts.isEstablished else { return }
    var bytes: [UInt8] = []
    appendOpening(to: &bytes)
    Goodbye(ssrcs: [parameters.ssrc]).append(to: &bytes)
    sendFeedback(bytes)
  }

  private mutating func appendReport(to bytes: inout [UInt8], now: HostTime) {
    var blocks: [ReportBlock] = []
    if let mediaSSRC, let highest = facts.reception.highest {
      let clock = facts.senderClock
      blocks.append(
        ReportBlock(
          ssrc: mediaSSRC, fractionLost: facts.reception.takeFractionLost(),
          cumulativeLost: Int32(clamping: facts.reception.missing),
          // Our count begins one wrap up.
          highestSequenceNumber: UInt32(truncatingIfNeeded: highest &- 1 << 16),
          jitter: UInt32(facts.reception.jitter), lastSenderReport: clock?.ntpTime.middle ?? 0,
          delaySinceLastSenderReport: NTPShortDuration(
            clock.map { now - $0.arrivedAt } ?? .zero)))
    }
    appendOpening(blocks, to: &bytes)
  }

  /// What every compound packet begins with (RFC 3550 section 6.1).
  private func appendOpening(_ blocks: [ReportBlock] = [], to bytes: inout [UInt8]) {
    ReceiverReport(ssrc: parameters.ssrc, reports: blocks).append(to: &bytes)
    SourceDescription(ssrc: parameters.ssrc, cname: parameters.cname).append(to: &bytes)
  }

  private mutating func sendFeedback(_ bytes: [UInt8]) {
    guard let remote = agent.selected, let datagram = dtls?.sealFeedback(bytes) else { return }
    put(.send(datagram, remote))
  }
}
