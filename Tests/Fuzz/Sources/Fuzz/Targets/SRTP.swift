internal import AuraCrypto
internal import AuraStream

extension Target {
  /// Packets of ours, changed, doubled and reordered on their way, and packets of nobody's.
  static let srtp = Target(
    name: "srtp", executions: 15_000, longest: 200, run: tryRTP,
    seeds: { [protectionSeed(0), protectionSeed(1)] })

  /// The same for RTCP.
  static let srtcp = Target(
    name: "srtcp", executions: 15_000, longest: 200, run: tryRTCP,
    seeds: { [protectionSeed(0), protectionSeed(1)] })
}

private func keys(_ program: inout ByteProgram) -> SRTPKeys {
  let profile: SRTPProfile = program.byte() & 1 == 0 ? .aeadAES128GCM : .aes128CMHMACSHA1_80
  let salt = [UInt8](repeating: 3, count: profile.saltByteCount)
  return SRTPKeys(
    profile: profile, localKey: [UInt8](repeating: 1, count: 16), localSalt: salt,
    remoteKey: [UInt8](repeating: 2, count: 16), remoteSalt: salt)
}

/// What is on its way, and what it says.
private struct Sealed {
  var bytes: [UInt8]
  var clear: [UInt8]
  var arrivals = 0
}

/// What happens to the packet an instruction is about.
private enum Fate {
  case arrives, changes(place: Int, by: UInt8), isCut(by: Int)

  init(_ program: inout ByteProgram) {
    switch program.byte() & 3 {
    case 0: self = .changes(place: Int(program.uint16()), by: program.byte())
    case 1: self = .isCut(by: Int(program.byte()))
    default: self = .arrives
    }
  }

  func applied(to bytes: [UInt8]) -> [UInt8] {
    switch self {
    case .arrives: return bytes
    case .changes(let place, let change):
      var bytes = bytes
      bytes[place % bytes.count] ^= change
      return bytes
    case .isCut(let count): return Array(bytes.dropLast(count))
    }
  }
}

/// Instructions: 0 to 3 make a packet, 4 to 6 deliver one of those made, 7 delivers anything.
private func run(
  _ program: consuming ByteProgram, seal: (inout ByteProgram) -> Sealed?,
  open: ([UInt8]) -> [UInt8]?
) {
  var sealed: [Sealed] = []
  while !program.isAtEnd {
    switch program.byte() & 7 {
    case 0...3:
      if let packet = seal(&program) { sealed.append(packet) }
    case 4...6:
      guard !sealed.isEmpty else { break }
      let place = sealed.count - 1 - Int(program.byte()) % sealed.count
      let arriving = Fate(&program).applied(to: sealed[place].bytes)
      guard let clear = open(arriving) else { break }
      check(arriving == sealed[place].bytes, "no changed packet is believed")
      check(clear == sealed[place].clear, "what was sealed comes out again")
      sealed[place].arrivals += 1
      check(sealed[place].arrivals == 1, "no packet is believed twice")
    default:
      check(open(program.bytes(Int(program.byte()))) == nil, "nobody else is believed")
    }
  }
}

private func tryRTP(_ bytes: [UInt8]) {
  var program = ByteProgram(bytes)
  let keys = keys(&program)
  guard var sender = try? SRTPSender(keys: keys, ssrc: 5),
    var receiver = try? SRTPReceiver(keys: keys.seenByPeer, ssrc: 5)
  else { return }
  var number: UInt16 = 0
  var last: UInt16?
  run(program) { program in
    number &+= UInt16(program.byte()) << (program.byte() & 15)
    let payload = program.bytes(Int(program.byte() & 63))
    var packet = [UInt8](repeating: 0, count: RTPHeader.byteCount) + payload
    let header = RTPHeader(payloadType: 111, sequenceNumber: number, timestamp: 0, ssrc: 5)
    unsafe packet.withUnsafeMutableBytes { unsafe header.write(into: $0) }
    let clear = packet
    packet += [UInt8](repeating: 0, count: sender.overhead)
    let length = unsafe packet.withUnsafeMutableBytes { room in
      try? unsafe sender.protect(room, length: clear.count)
    }
    let follows = last.map { (1...0x7fff).contains(number &- $0) } ?? true
    check((length != nil) == follows, "a number is protected once, and only after the last one")
    guard let length else { return nil }
    last = number
    check(length == packet.count, "protection adds what it says")
    return Sealed(bytes: packet, clear: clear)
  } open: { bytes in
    var bytes = bytes
    let length = unsafe bytes.withUnsafeMutableBytes { try? unsafe receiver.unprotect($0) }
    return length.map { Array(bytes[..<$0]) }
  }
}

private func tryRTCP(_ bytes: [UInt8]) {
  var program = ByteProgram(bytes)
  let keys = keys(&program)
  guard var sender = try? SRTCPSender(keys: keys),
    var receiver = try? SRTCPReceiver(keys: keys.seenByPeer)
  else { return }
  run(program) { program in
    var packet: [UInt8] = [0x80, 201, 0, 1, 0, 0, 0, program.byte()]
    packet += program.bytes(Int(program.byte() & 63))
    let clear = packet
    packet += [UInt8](repeating: 0, count: sender.overhead)
    let length = unsafe packet.withUnsafeMutableBytes { room in
      try? unsafe sender.protect(room, length: clear.count)
    }
    check(length == packet.count, "protection adds what it says")
    return Sealed(bytes: packet, clear: clear)
  } open: { bytes in
    var bytes = bytes
    let length = unsafe bytes.withUnsafeMutableBytes { try? unsafe receiver.unprotect($0) }
    return length.map { Array(bytes[..<$0]) }
  }
}

/// Makes two packets, delivers one, changed and whole and again, and something else.
private func protectionSeed(_ profile: UInt8) -> [UInt8] {
  [
    profile, 0, 1, 0, 3, 1, 2, 3, 1, 1, 1, 3, 9, 9, 9, 4, 0, 0, 0, 5, 1, 4, 0, 2, 4, 1, 2, 4, 1, 2,
    7,
    20, 0x80, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4, 5, 6, 7, 8,
  ]
}
