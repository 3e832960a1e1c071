internal import AuraStream

extension Target {
  /// Compound RTCP, read, written, and read again.
  static let rtcp = Target(
    name: "rtcp", executions: 80_000, longest: 1_000, run: tryCompound, seeds: rtcpSeeds)
}

private func parse(_ bytes: [UInt8]) -> [RTCPItem]? {
  try? unsafe RTCPCompound.parse(bytes.span.bytes)
}

private func tryCompound(_ bytes: [UInt8]) {
  guard let items = parse(bytes) else { return }
  check(items.count <= 64, "the items of a datagram are bounded")
  for item in items {
    var written: [UInt8] = []
    append(item, to: &written)
    check(written.count % 4 == 0, "RTCP is written in whole words")
    guard let again = parse(written) else {
      check(false, "what is written can be read")
      continue
    }
    check(again.count == 1, "one item is one packet")
    // A name that was no UTF-8 grows as it is mended, and is cut.
    if case .sourceDescription = item { continue }
    if case .goodbye(let goodbye) = item, goodbye.reason != nil { continue }
    check(again == [item], "what is written means the same")
    visit(item)
  }
}

private func append(_ item: RTCPItem, to bytes: inout [UInt8]) {
  switch item {
  case .senderReport(let report): report.append(to: &bytes)
  case .receiverReport(let report): report.append(to: &bytes)
  case .sourceDescription(let names): names.append(to: &bytes)
  case .goodbye(let goodbye): goodbye.append(to: &bytes)
  case .genericNACK(let request): request.append(to: &bytes)
  case .receiverReferenceTime(let question): question.append(to: &bytes)
  case .delaySinceReference(let echo): echo.append(to: &bytes)
  case .presentation(let notice): notice.append(to: &bytes)
  }
}

/// What is computed from numbers that strangers chose.
private func visit(_ item: RTCPItem) {
  let arrival = NTPTime(HostTime(nanoseconds: 5_000_000_000))
  switch item {
  case .senderReport(let report): visit(report.reports, arrival)
  case .receiverReport(let report): visit(report.reports, arrival)
  case .genericNACK(let request):
    check(request.lost.reduce(0) { count, _ in count + 1 } <= 64 * 17, "what is asked is bounded")
  case .delaySinceReference(let echo):
    for report in echo.reports { checkRoundTrip(report.roundTrip(arrival: arrival)) }
  case .presentation(let notice):
    let plan = notice.plan(since: MediaTime(frames: 0))
    check(PresentationPlan.delays.contains(plan.delay(at: MediaTime(frames: 1 << 40))), "in bounds")
  case .goodbye, .sourceDescription, .receiverReferenceTime: break
  }
}

private func visit(_ reports: [ReportBlock], _ arrival: NTPTime) {
  for report in reports { checkRoundTrip(report.roundTrip(arrival: arrival)) }
}

private func checkRoundTrip(_ time: Duration?) {
  check(time.map { (.zero ... .seconds(600)).contains($0) } ?? true, "a round trip is sensible")
}

private func rtcpSeeds() -> [[UInt8]] {
  let block = ReportBlock(
    ssrc: 1, fractionLost: 12, cumulativeLost: -3, highestSequenceNumber: 70_000, jitter: 48,
    lastSenderReport: 0x0004_8000, delaySinceLastSenderReport: NTPShortDuration(units: 0x2000))
  let time = NTPTime(value: 1 << 33)
  let items: [RTCPItem] = [
    .senderReport(
      .init(
        ssrc: 1, ntpTime: time, rtpTimestamp: 960, packetCount: 5, octetCount: 800,
        reports: [block])),
    .receiverReport(.init(ssrc: 7, reports: [block, block])),
    .sourceDescription(.init(ssrc: 7, cname: "abcdefgh")),
    .genericNACK(.init(senderSSRC: 7, mediaSSRC: 1, lost: [65_530, 65_535, 3, 100])),
    .receiverReferenceTime(.init(ssrc: 7, ntpTime: time)),
    .delaySinceReference(
      .init(
        ssrc: 1,
        reports: [.init(ssrc: 7, lastReference: 0x8000, delay: NTPShortDuration(units: 5))])),
    .presentation(
      .init(
        .init(mode: .film, first: .milliseconds(200), last: .milliseconds(300)), timestamp: 9,
        ssrc: 1)),
    .goodbye(.init(ssrcs: [7], reason: "done")),
  ]
  var whole: [UInt8] = []
  for item in items { append(item, to: &whole) }
  // One extended report with as many blocks as are read, and one with more.
  let blocks = [64, 65].map { count -> [UInt8] in
    let words = UInt8(1 + 3 * count)
    return [0x80, 207, 0, words, 0, 0, 0, 7]
      + (0..<count).flatMap { _ in [4, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0] as [UInt8] }
  }
  return items.map { item in
    var bytes: [UInt8] = []
    append(item, to: &bytes)
    return bytes
  } + [whole] + blocks
}
