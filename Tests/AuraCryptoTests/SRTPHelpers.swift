import AuraCrypto

/// The source of all packets here.
let testSource: UInt32 = 0x0102_0304

/// Keys that are the same in every run.
func makeKeys(_ profile: SRTPProfile, seed: UInt64 = 1) -> SRTPKeys {
  var random = SeededGenerator(seed: seed)
  return SRTPKeys(
    profile: profile, localKey: random.bytes(16), localSalt: random.bytes(profile.saltByteCount),
    remoteKey: random.bytes(16), remoteSalt: random.bytes(profile.saltByteCount))
}

/// An RTP packet of `testSource`.
func rtp(_ sequenceNumber: UInt16, payload: [UInt8] = [7, 7, 7]) -> [UInt8] {
  [0x80, 111, UInt8(sequenceNumber >> 8), UInt8(sequenceNumber & 0xff), 0, 0, 0, 9, 1, 2, 3, 4]
    + payload
}

/// An RTCP packet.
func rtcp(_ content: [UInt8], ssrc: [UInt8] = [1, 2, 3, 4]) -> [UInt8] {
  [0x80, 201, 0, UInt8(truncatingIfNeeded: 1 + content.count / 4)] + ssrc + content
}

func protect(_ sender: inout SRTPSender, _ packet: [UInt8]) throws(SRTPError) -> [UInt8] {
  try unsafe inPlace(packet, room: sender.overhead) { (buffer) throws(SRTPError) in
    try unsafe sender.protect(buffer, length: packet.count)
  }
}

func protect(_ sender: inout SRTCPSender, _ packet: [UInt8]) throws(SRTPError) -> [UInt8] {
  try unsafe inPlace(packet, room: sender.overhead) { (buffer) throws(SRTPError) in
    try unsafe sender.protect(buffer, length: packet.count)
  }
}

func unprotect(_ receiver: inout SRTPReceiver, _ packet: [UInt8]) throws(SRTPError) -> [UInt8] {
  try unsafe inPlace(packet) { (buffer) throws(SRTPError) in try unsafe receiver.unprotect(buffer) }
}

func unprotect(_ receiver: inout SRTCPReceiver, _ packet: [UInt8]) throws(SRTPError) -> [UInt8] {
  try unsafe inPlace(packet) { (buffer) throws(SRTPError) in try unsafe receiver.unprotect(buffer) }
}

/// Why something was refused; `nil` if it was not.
func refusal<T>(_ work: () throws(SRTPError) -> T) -> SRTPError? {
  do throws(SRTPError) { _ = try work() } catch { return error }
  return nil
}
