import AuraCrypto
import Testing

@Suite(.serialized) struct SRTPTests {
  @Test(arguments: SRTPProfile.allCases)
  func noSequenceNumberIsEncryptedTwice(profile: SRTPProfile) throws {
    var sender = try SRTPSender(keys: makeKeys(profile), ssrc: testSource)
    _ = try protect(&sender, rtp(65_530))
    for used in [65_530, 65_529, 65_530 - 32_768] as [UInt16] {
      let why = refusal { () throws(SRTPError) in try protect(&sender, rtp(used, payload: [1])) }
      #expect(why == .indexUsed, "\(used)")
    }
    // What has been refused leaves the next one alone, and rollovers count.
    let next = try protect(&sender, rtp(3))
    #expect(refusal { () throws(SRTPError) in try protect(&sender, rtp(65_531)) } == .indexUsed)
    var receiver = try SRTPReceiver(keys: makeKeys(profile).seenByPeer)
    var again = try SRTPSender(keys: makeKeys(profile), ssrc: testSource)
    _ = try unprotect(&receiver, protect(&again, rtp(65_530)))
    #expect(try unprotect(&receiver, next) == rtp(3))
  }

  /// Whatever is asked for, in whatever order: nothing that comes out shares its index with
  /// anything that came out before.
  @Test func anythingAskedForGivesEachIndexOnce() throws {
    let keys = makeKeys(.aeadAES128GCM)
    for seed in 1...20 as ClosedRange<UInt64> {
      var random = SeededGenerator(seed: seed)
      var sender = try SRTPSender(keys: keys, ssrc: testSource)
      var seen: Set<[UInt8]> = []
      var sequenceNumber = UInt16.random(in: 0...0x7fff, using: &random)
      for _ in 0..<2000 {
        sequenceNumber &+= UInt16.random(in: 0...3, using: &random)
        let asked =
          sequenceNumber
          &- (Bool.random(using: &random) ? 0 : UInt16.random(in: 0...9, using: &random))
        // A packet of zeros shows the keystream, which is the index's own.
        guard
          let protected = try? protect(
            &sender, rtp(asked, payload: [UInt8](repeating: 0, count: 16)))
        else { continue }
        #expect(seen.insert(Array(protected[12..<28])).inserted, "seed \(seed)")
      }
      #expect(seen.count > 500)
    }
  }

  @Test func senderRefusesWhatIsNotItsOwn() throws {
    var sender = try SRTPSender(keys: makeKeys(.aeadAES128GCM), ssrc: 5)
    #expect(refusal { () throws(SRTPError) in try protect(&sender, rtp(1)) } == .foreignSource)
    for broken in [[], Array(rtp(1)[..<11]), [0x40] + rtp(1)[1...], [0x8f] + rtp(1)[1...]] {
      #expect(refusal { () throws(SRTPError) in try protect(&sender, broken) } == .malformed)
    }
    // An extension that ends behind the packet.
    let extended = [0x90] + rtp(1, payload: [0xbe, 0xde, 0, 2, 0, 0, 0, 0])[1...]
    #expect(refusal { () throws(SRTPError) in try protect(&sender, extended) } == .malformed)
  }

  @Test func controlKeysEnd() throws {
    let keys = try SRTPSessionKeys(
      kind: .rtcp, profile: .aeadAES128GCM, masterKey: Random.bytes(16),
      masterSalt: Random.bytes(12))
    var sender = try SRTCPSender(sessionKeys: keys, firstIndex: 0x7fff_ffff)
    var receiver = try SRTCPReceiver(sessionKeys: keys)
    #expect(try unprotect(&receiver, protect(&sender, rtcp([]))) == rtcp([]))
    #expect(refusal { () throws(SRTPError) in try protect(&sender, rtcp([])) } == .keyExhausted)
  }

  @Test(arguments: SRTPProfile.allCases)
  func replayProtectionLooksBackFarEnough(profile: SRTPProfile) throws {
    let keys = makeKeys(profile)
    var sender = try SRTPSender(keys: keys, ssrc: testSource)
    var receiver = try SRTPReceiver(keys: keys.seenByPeer)
    let wire = try (0..<3000).map { try protect(&sender, rtp(65_000 &+ UInt16($0))) }
    _ = try unprotect(&receiver, wire[0])
    _ = try unprotect(&receiver, wire[1999])
    #expect(try unprotect(&receiver, wire[1999 - 959]) == rtp(65_000 &+ (1999 - 959)))
    for index in [1999 - 959, 1999] {
      #expect(
        refusal { () throws(SRTPError) in try unprotect(&receiver, wire[index]) } == .replayed)
    }
    #expect(
      refusal { () throws(SRTPError) in try unprotect(&receiver, wire[1999 - 960]) } == .tooOld)
    // All the others, backwards, once each; a jump ahead forgets none of what it still covers.
    for index in (1999 - 958)..<1999 { _ = try unprotect(&receiver, wire[index]) }
    _ = try unprotect(&receiver, wire[2500])
    for index in (2500 - 959)..<2000 {
      #expect(
        refusal { () throws(SRTPError) in try unprotect(&receiver, wire[index]) } == .replayed)
    }
    for index in 2000..<2500 { _ = try unprotect(&receiver, wire[index]) }
  }

  @Test(arguments: SRTPProfile.allCases)
  func whatIsChangedIsRefusedAndHarmsNothing(profile: SRTPProfile) throws {
    let keys = makeKeys(profile)
    var sender = try SRTPSender(keys: keys, ssrc: testSource)
    var receiver = try SRTPReceiver(keys: keys.seenByPeer)
    let wire = try protect(&sender, rtp(100))
    for bit in 0..<wire.count * 8 {
      var changed = wire
      changed[bit / 8] ^= 1 << (bit % 8)
      #expect(refusal { () throws(SRTPError) in try unprotect(&receiver, changed) } != nil)
    }
    for length in 0..<wire.count {
      let cut = Array(wire[..<length])
      #expect(refusal { () throws(SRTPError) in try unprotect(&receiver, cut) } != nil)
    }
    var random = SeededGenerator(seed: 6)
    for length in 0..<1500 {
      let noise = random.bytes(length)
      #expect(refusal { () throws(SRTPError) in try unprotect(&receiver, noise) } != nil)
    }
    #expect(receiver.ssrc == nil)
    #expect(try unprotect(&receiver, wire) == rtp(100))
    #expect(receiver.ssrc == testSource)
  }

  @Test(arguments: SRTPProfile.allCases)
  func changedControlPacketsAreRefused(profile: SRTPProfile) throws {
    let keys = makeKeys(profile)
    var sender = try SRTCPSender(keys: keys)
    var receiver = try SRTCPReceiver(keys: keys.seenByPeer)
    let wire = try protect(&sender, rtcp([1, 2, 3, 4]))
    for bit in 0..<wire.count * 8 {
      var changed = wire
      changed[bit / 8] ^= 1 << (bit % 8)
      #expect(refusal { () throws(SRTPError) in try unprotect(&receiver, changed) } != nil)
    }
    for length in 0..<wire.count {
      let cut = Array(wire[..<length])
      #expect(refusal { () throws(SRTPError) in try unprotect(&receiver, cut) } != nil)
    }
    var plain = wire
    plain[profile == .aeadAES128GCM ? wire.count - 4 : 12] &= 0x7f
    #expect(refusal { () throws(SRTPError) in try unprotect(&receiver, plain) } == .unencrypted)
    #expect(try unprotect(&receiver, wire) == rtcp([1, 2, 3, 4]))
    #expect(refusal { () throws(SRTPError) in try unprotect(&receiver, wire) } == .replayed)
  }

  @Test func controlSourcesAreBounded() throws {
    let keys = makeKeys(.aeadAES128GCM)
    var sender = try SRTCPSender(keys: keys)
    var receiver = try SRTCPReceiver(keys: keys.seenByPeer)
    for source in 0..<UInt8(SRTCPReceiver.sourceLimit) {
      _ = try unprotect(&receiver, protect(&sender, rtcp([], ssrc: [0, 0, 0, source])))
    }
    let extra = try protect(&sender, rtcp([], ssrc: [0, 0, 0, 99]))
    #expect(refusal { () throws(SRTPError) in try unprotect(&receiver, extra) } == .tooManySources)
    _ = try unprotect(&receiver, protect(&sender, rtcp([9, 9, 9, 9], ssrc: [0, 0, 0, 3])))
  }

  @Test func aReceiverHearsOneSource() throws {
    let keys = makeKeys(.aeadAES128GCM)
    var sender = try SRTPSender(keys: keys, ssrc: testSource)
    var receiver = try SRTPReceiver(keys: keys.seenByPeer, ssrc: 99)
    let wire = try protect(&sender, rtp(1))
    #expect(refusal { () throws(SRTPError) in try unprotect(&receiver, wire) } == .foreignSource)
  }
}
