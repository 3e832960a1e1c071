internal import AuraStream

extension Target {
  /// What one listener is sent: new packets, repeated ones, second copies, reports.
  static let flow = Target(
    name: "flow", executions: 3_000, longest: 200,
    run: { bytes in
      var program = ByteProgram(bytes)
      var run = FlowRun(&program)
      while !program.isAtEnd { run.step(&program) }
    },
    seeds: {
      let packets: [UInt8] = (0..<8).flatMap { [0, 1, $0 * 30] }
      return [
        [0, 2, 100, 0x7f, 0xf0] + packets + [4, 0, 3, 4, 0, 3, 8, 20, 4, 0, 3],
        [1, 1, 10, 0, 0] + packets + [6, 90, 1, 7, 2, 1] + packets + [5, 9, 0, 0, 1],
        [0, 1, 32, 0, 9, 10, 63] + (0..<6).flatMap { _ in [11, 63, 8, 40] as [UInt8] },
        [2, 0, 60, 0, 7] + packets + [6, 90, 1, 7] + packets + [2, 1, 9, 3, 4, 0, 0],
      ]
    })
}

/// A flow, a stand-in for its encryption, and everything that ever left it.
private struct FlowRun: ~Copyable {
  private static let opus: UInt8 = 111
  private static let red: UInt8 = 63

  private var now = HostTime(nanoseconds: 1_000_000_000)
  private let start = HostTime(nanoseconds: 1_000_000_000)
  private var flow: OutgoingFlow
  private var forms = FrameForms()
  private let notice = PresentationNotice(
    PresentationPlan(mode: .film, first: .milliseconds(250)), timestamp: 0)
  private var timestamp: UInt32 = 0
  private let packetFrames: UInt32
  private let packetMilliseconds: Int64
  /// The encrypted packets by their index; each index was handed out once.
  private var sent: [UInt64: [UInt8]] = [:]
  private var nextIndex: UInt64
  private var newest: UInt64?
  /// Frames by their timestamps.
  private var frames: [UInt32: [UInt8]] = [:]

  /// The first bytes: what was agreed on, packets' length, payload length, first number.
  init(_ program: inout ByteProgram) {
    let flags = program.byte()
    packetMilliseconds = [5, 10, 20][Int(program.byte() % 3)]
    packetFrames = UInt32(packetMilliseconds) * 48
    let typical = Int(program.byte()) * 5
    let first = program.uint16() & 0x7fff
    nextIndex = UInt64(first)
    flow = OutgoingFlow(
      .init(
        ssrc: 5, payloadType: Self.opus, redundantPayloadType: flags & 1 == 0 ? nil : Self.red,
        tellsPlan: flags & 4 == 0,
        answersNACK: flags & 2 == 0, firstSequenceNumber: first, cname: "aura",
        packetDuration: .milliseconds(packetMilliseconds), typicalPayloadBytes: typical), now: now)
  }

  mutating func step(_ program: inout ByteProgram) {
    let instruction = program.byte()
    switch instruction & 15 {
    case 0...2: sendFrame(byteCount: Int(program.byte()) * Int(1 + program.byte() % 6))
    case 3: giveUpPacket()
    case 4: askForPacket(behind: program.uint16())
    case 5: appendReport()
    case 6: didReport(&program)
    case 7: sendSecondCopy()
    case 8: now = now + .milliseconds(Int64(program.byte()))
    case 9: flow.didAsk(ssrc: program.uint32(), middle: program.uint32(), at: now)
    case 10: for _ in 0..<Int(program.byte() & 63) { sendFrame(byteCount: 160) }
    case 11: for behind in 0..<UInt16(program.byte() & 63) { askForPacket(behind: behind) }
    default: now = now + .milliseconds(packetMilliseconds)
    }
    check(
      (0...RepairPolicy.mostOlderFrames).contains(flow.repair.olderFrames),
      "older frames are bounded")
    // Twice the packets of ordinary play, and half a second of them.
    let rate = Double(1_000 / packetMilliseconds)
    check(
      Double(flow.counts.repeated) <= rate / 2 + 2 * rate * (now - start).inSeconds + 1,
      "repeats are bounded")
  }

  // MARK: New packets

  private mutating func sendFrame(byteCount: Int) {
    let number = UInt8(truncatingIfNeeded: timestamp / packetFrames)
    let frame = (0..<byteCount).map { number &+ UInt8(truncatingIfNeeded: $0) }
    let isTaken = unsafe frame.withUnsafeBytes { unsafe forms.take($0, timestamp: timestamp) }
    check(isTaken == (byteCount <= OutgoingFlow.mostPayloadBytes), "a frame that fits is taken")
    if isTaken {
      frames[timestamp] = frame
      let older = flow.parameters.redundantPayloadType == nil ? 0 : flow.repair.olderFrames
      let payload = unsafe forms.payload(olderFrames: older, payloadType: Self.opus)
      unsafe checkPayload(Array(payload.bytes), isRedundant: payload.isRedundant, older: older)
      unsafe send(payload.bytes, isRedundant: payload.isRedundant)
    }
    timestamp &+= packetFrames
    now = now + .milliseconds(packetMilliseconds)
  }

  private func checkPayload(_ payload: [UInt8], isRedundant: Bool, older: Int) {
    guard isRedundant else {
      check(payload == frames[timestamp], "a frame goes out as it came")
      return
    }
    guard let blocks = try? unsafe RedundantAudio.parse(payload.span.bytes) else {
      check(false, "a redundant payload can be read")
      return
    }
    check((2...1 + older).contains(blocks.count), "as many older frames go along as are wanted")
    for block in blocks {
      check(block.payloadType == Self.opus, "a block is what the listener calls Opus")
      check(
        Array(payload[block.range]) == frames[timestamp &- block.timestampOffset],
        "every frame goes out as it came")
    }
  }

  private mutating func send(_ payload: UnsafeRawBufferPointer, isRedundant: Bool) {
    let draft = unsafe flow.draft(
      payload: payload, isRedundant: isRedundant, timestamp: timestamp, marker: false,
      notice: notice)
    let (index, length, room) = unsafe (draft.index, draft.byteCount, draft.bytes)
    check(index == nextIndex, "an index is handed out once, in order")
    nextIndex += 1
    let byteCount = length + OutgoingFlow.trailerBytes
    check(byteCount <= OutgoingFlow.mostDatagramBytes, "no datagram is longer than 1,200 bytes")
    let clear = unsafe Array(room[..<length])
    let header = try? unsafe RTPHeader(parsing: clear.span.bytes)
    check(
      header?.sequenceNumber == UInt16(truncatingIfNeeded: index), "the header has the index's end")
    check(header?.payloadType == (isRedundant ? Self.red : Self.opus), "the header says what it is")
    check(
      header?.contributor == (flow.parameters.tellsPlan ? notice.contributor : nil),
      "the plan's number goes along where it is wanted")
    check(header?.payloadRange.count == payload.count, "and the payload is whole behind it")
    // As encryption would, and with an end that tells the index.
    for place in RTPHeader.byteCount..<length {
      unsafe room[place] ^= UInt8(truncatingIfNeeded: index &* 167 &+ UInt64(place))
    }
    for place in length..<byteCount {
      unsafe room[place] = UInt8(truncatingIfNeeded: index >> (8 * UInt64(place & 7)))
    }
    let bytes = unsafe Array(flow.commit(draft, byteCount: byteCount, now: now))
    sent[index] = bytes
    newest = index
  }

  /// A packet whose encryption has failed: its index is gone.
  private mutating func giveUpPacket() {
    let draft = unsafe flow.draft(
      payload: UnsafeRawBufferPointer(start: nil, count: 0), isRedundant: false,
      timestamp: timestamp, marker: true)
    let index = draft.index
    check(index == nextIndex, "an index is handed out once, in order")
    nextIndex += 1
  }

  // MARK: Packets again

  private mutating func askForPacket(behind: UInt16) {
    guard let newest else { return }
    let number = UInt16(truncatingIfNeeded: newest) &- behind
    guard let again = unsafe flow.packetAgain(number, now: now) else { return }
    check(flow.parameters.answersNACK, "who may not ask gets nothing")
    check(
      unsafe Array(again) == sent[newest - UInt64(behind)], "a packet comes again as it was sent")
  }

  private mutating func sendSecondCopy() {
    guard let copy = unsafe flow.secondCopy() else { return }
    let bytes = unsafe Array(copy)
    let distance = UInt64(max(1, 20 / packetMilliseconds))
    check(bytes == sent[nextIndex - 1 - distance], "a second copy is that of 20 ms before")
    check(
      flow.parameters.redundantPayloadType == nil,
      "copies are for who has nothing better, or does not use it")
  }

  // MARK: Reports

  private mutating func didReport(_ program: inout ByteProgram) {
    let fraction = program.byte()
    let trip = program.byte()
    flow.didReport(
      fractionLost: fraction, roundTrip: trip == 0 ? nil : .milliseconds(Int64(trip) * 9), now: now)
  }

  private mutating func appendReport() {
    let isDue = flow.isReportDue(plan: notice.number, now: now)
    var bytes: [UInt8] = []
    flow.appendReport(
      timestamp: timestamp, at: now - .milliseconds(5), now: now, notice: notice,
      to: &bytes)
    flow.appendFarewell(timestamp: timestamp, at: now, now: now, to: &bytes)
    check(
      !flow.isReportDue(plan: notice.number, now: now) || !isDue,
      "a report that was made is not due any more")
    let items = (try? unsafe RTCPCompound.parse(bytes.span.bytes)) ?? []
    guard case .senderReport(let report)? = items.first, case .goodbye? = items.last else {
      check(false, "reports can be read")
      return
    }
    check(Int(report.packetCount) == flow.counts.packets, "a report counts all packets")
    check(report.rtpTimestamp == timestamp &+ 240, "a report's two times are of one instant")
  }
}
