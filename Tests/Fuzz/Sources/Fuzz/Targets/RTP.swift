internal import AuraStream

extension Target {
  /// RTP packets, in the clear and encrypted, and redundant payloads in them.
  static let rtp = Target(
    name: "rtp", executions: 150_000, longest: 200,
    run: { bytes in
      tryPacket(bytes)
      tryRedundant(bytes)
    }, seeds: rtpSeeds)

  /// Redundant payloads, written and read.
  static let redundancy = Target(
    name: "redundancy", executions: 20_000, longest: 200, run: tryWriter,
    seeds: {
      [
        [1, 4, 176, 0, 10, 0, 40, 3, 192, 0, 60, 3, 192, 0, 60],
        [3, 1, 0, 3, 192, 0, 99, 3, 192, 4, 0, 0, 0, 0, 9, 63, 255, 0, 200],
      ]
    })
}

private func tryPacket(_ bytes: [UInt8]) {
  let span = unsafe bytes.span.bytes
  guard let outer = try? RTPHeader(parsingProtected: span) else {
    check((try? RTPHeader(parsing: span)) == nil, "what is no packet is none in the clear")
    return
  }
  check(outer.payloadRange.lowerBound >= RTPHeader.byteCount, "a payload is behind its header")
  check(outer.payloadRange.upperBound == bytes.count, "an encrypted payload reaches to the end")
  check(outer.payloadType < 128, "a payload type has seven bits")
  guard let header = try? RTPHeader(parsing: span) else { return }
  let range = header.payloadRange
  check(outer.payloadRange.contains(range), "padding is not part of the payload")
  if !range.isEmpty { tryRedundant(Array(bytes[range])) }
  let byteCount = RTPHeader.byteCount(contributor: header.contributor)
  check(range.lowerBound >= byteCount, "a contributor is in the header")
  var written = [UInt8](repeating: 0, count: byteCount)
  unsafe written.withUnsafeMutableBytes { unsafe header.write(into: $0) }
  let again = try? unsafe RTPHeader(parsing: written.span.bytes)
  check(again?.sequenceNumber == header.sequenceNumber, "a header that is written can be read")
  check(again?.timestamp == header.timestamp, "a header that is written can be read")
  check(again?.marker == header.marker, "a header that is written can be read")
  check(again?.contributor == header.contributor, "a header that is written can be read")
}

private func tryRedundant(_ payload: [UInt8]) {
  guard let blocks = try? unsafe RedundantAudio.parse(payload.span.bytes) else { return }
  check((1...RedundantAudio.mostBlocks).contains(blocks.count), "there are some blocks, not many")
  check(blocks.last?.timestampOffset == 0, "the current frame comes last")
  var end = 4 * (blocks.count - 1) + 1
  for block in blocks {
    check(block.range.lowerBound == end, "blocks lie one behind the other")
    check(
      block.timestampOffset <= UInt32(RedundantAudio.greatestOffset), "an offset has 14 bits")
    end = block.range.upperBound
  }
  check(end == payload.count, "the current frame reaches to the end")
}

// MARK: Writing

private struct Frame: Equatable {
  var timestamp: UInt32
  var bytes: [UInt8]
}

/// The instructions: depth and room first, then a frame each: how much later, and how long.
private func tryWriter(_ bytes: [UInt8]) {
  var program = ByteProgram(bytes)
  let depth = 1 + Int(program.byte() % 4)
  let room = min(1_200, Int(program.uint16()))
  var writer = RedundantAudioWriter(depth: depth)
  var packet = [UInt8](repeating: 0, count: room)
  var frames: [Frame] = []
  var timestamp: UInt32 = 0
  while !program.isAtEnd {
    timestamp &+= UInt32(program.uint16())
    let count = Int(program.uint16() & 0x7ff)
    let fill = UInt8(truncatingIfNeeded: frames.count)
    let frame = Frame(timestamp: timestamp, bytes: [UInt8](repeating: fill, count: count))
    let written = unsafe packet.withUnsafeMutableBytes { room in
      unsafe writer.write(
        frame.bytes.span.bytes, timestamp: timestamp, payloadType: 111, into: room)
    }
    check((written == nil) == (count + 1 > room), "a frame that fits is written")
    if let written {
      checkPayload(Array(packet[..<written]), of: frame, after: frames.suffix(depth))
    }
    frames.append(frame)
  }
}

private func checkPayload(_ payload: [UInt8], of frame: Frame, after older: ArraySlice<Frame>) {
  guard let blocks = try? unsafe RedundantAudio.parse(payload.span.bytes) else {
    check(false, "what is written can be read")
    return
  }
  let read = blocks.map { block in
    Frame(timestamp: frame.timestamp &- block.timestampOffset, bytes: Array(payload[block.range]))
  }
  check(blocks.allSatisfy { $0.payloadType == 111 }, "blocks are called what they are")
  check(read.last == frame, "the newest frame is whole")
  check(read.dropLast().allSatisfy(older.contains), "older frames are those of before, whole")
}

private func rtpSeeds() -> [[UInt8]] {
  var packet = [UInt8](repeating: 0, count: RTPHeader.byteCount)
  let header = RTPHeader(payloadType: 111, sequenceNumber: 1, timestamp: 960, ssrc: 5, marker: true)
  unsafe packet.withUnsafeMutableBytes { unsafe header.write(into: $0) }
  let redundant: [UInt8] = [0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 4, 5]
  var extended = packet
  extended[0] = 0xb1
  return [
    packet + [1, 2, 3], packet + redundant, redundant,
    extended + [0, 0, 0, 9, 0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0] + redundant + [0, 0, 3],
  ]
}
