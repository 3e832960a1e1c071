import AuraCrypto
import Testing

/// Ours and libsrtp, in both directions.
@Suite struct SRTPOracleTests {
  /// Packets with contributing sources, extensions and payloads of many lengths, over rollovers.
  private func packets(seed: UInt64, jump: UInt16) -> [[UInt8]] {
    var random = SeededGenerator(seed: seed)
    var sequenceNumber: UInt16 = 32_000
    return (0..<400).map { turn in
      sequenceNumber &+= turn % 5 == 0 ? UInt16.random(in: 1...jump, using: &random) : 1
      var packet = rtp(sequenceNumber, payload: [])
      let sources = turn % 4
      packet[0] |= UInt8(sources)
      packet += random.bytes(4 * sources)
      if turn % 3 == 1 {
        let words = UInt8(turn % 7)
        packet[0] |= 0x10
        packet += [0xbe, 0xde, 0, words] + random.bytes(4 * Int(words))
      }
      return packet + random.bytes(turn)
    }
  }

  @Test(arguments: SRTPProfile.allCases)
  func whatWeSendIsWhatLibsrtpSends(profile: SRTPProfile) throws {
    let keys = makeKeys(profile)
    var sender = try SRTPSender(keys: keys, ssrc: testSource)
    let other = try OtherSRTP(keys: keys, isSender: true)
    let reader = try OtherSRTP(keys: keys, isSender: false)
    for packet in packets(seed: 2, jump: 20_000) {
      let protected = try protect(&sender, packet)
      #expect(try protected == other.protectRTP(packet))
      #expect(try reader.unprotectRTP(protected) == packet)
    }
  }

  @Test(arguments: SRTPProfile.allCases)
  func whatLibsrtpSendsIsReadOutOfOrder(profile: SRTPProfile) throws {
    let keys = makeKeys(profile)
    let other = try OtherSRTP(keys: keys, isSender: true)
    var receiver = try SRTPReceiver(keys: keys.seenByPeer)
    var random = SeededGenerator(seed: 3)
    var wire = try packets(seed: 4, jump: 400).map { try ($0, other.protectRTP($0)) }
    // The first one first: a receiver knows nothing before.
    for start in stride(from: 1, to: wire.count - 9, by: 9) {
      wire[start..<start + 9].shuffle(using: &random)
    }
    for (packet, protected) in wire {
      #expect(try unprotect(&receiver, protected) == packet)
      #expect(refusal { () throws(SRTPError) in try unprotect(&receiver, protected) } == .replayed)
    }
    #expect(receiver.ssrc == testSource)
  }

  @Test(arguments: SRTPProfile.allCases)
  func controlPacketsAreThoseOfLibsrtp(profile: SRTPProfile) throws {
    let keys = makeKeys(profile)
    let other = try OtherSRTP(keys: keys, isSender: true)
    let reader = try OtherSRTP(keys: keys, isSender: false)
    var sender = try SRTCPSender(keys: keys)
    var receiver = try SRTCPReceiver(keys: keys.seenByPeer)
    var random = SeededGenerator(seed: 5)
    // libsrtp begins with index 1, ours with 0, as the standard has it.
    let first = rtcp([])
    #expect(try reader.unprotectRTCP(protect(&sender, first)) == first)
    for length in stride(from: 0, to: 600, by: 4) {
      let packet = rtcp(random.bytes(length))
      let protected = try protect(&sender, packet)
      #expect(try protected == other.protectRTCP(packet))
      #expect(try reader.unprotectRTCP(protected) == packet)
      #expect(try unprotect(&receiver, protected) == packet)
    }
  }
}
