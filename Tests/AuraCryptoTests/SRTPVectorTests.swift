import AuraCrypto
import Testing

/// The vectors of RFC 3711 appendix B and RFC 7714 §16 and §17.
@Suite struct SRTPVectorTests {
  private let key = hex("000102030405060708090a0b0c0d0e0f")
  private let salt = Array("Quid pro quo".utf8)

  private func keys(_ kind: SRTPSessionKeys.Kind) -> SRTPSessionKeys {
    SRTPSessionKeys(
      kind: kind, profile: .aeadAES128GCM, encryptionKey: key, authenticationKey: [], salt: salt)
  }

  /// RFC 3711 B.3.
  @Test func sessionKeysAreDerived() throws {
    let keys = try SRTPSessionKeys(
      kind: .rtp, profile: .aes128CMHMACSHA1_80,
      masterKey: hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
      masterSalt: hex("0EC675AD498AFEEBB6960B3AABE6"))
    #expect(keys.encryptionKey == hex("C61E7A93744F39EE10734AFE3FF7A087"))
    #expect(keys.salt == hex("30CBBC08863D8C85D49DB34A9AE1"))
    #expect(keys.authenticationKey == hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"))
  }

  /// RFC 3711 B.2: what counter mode adds to a packet of zeros.
  @Test func keystreamIsThatOfTheStandard() throws {
    let keys = SRTPSessionKeys(
      kind: .rtp, profile: .aes128CMHMACSHA1_80,
      encryptionKey: hex("2B7E151628AED2A6ABF7158809CF4F3C"),
      authenticationKey: [UInt8](repeating: 0, count: 20),
      salt: hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"))
    let packet = hex("80000000 00000000 00000000") + [UInt8](repeating: 0, count: 48)
    var sender = try SRTPSender(sessionKeys: keys, ssrc: 0)
    let protected = try protect(&sender, packet)
    #expect(
      protected[12..<60]
        == hex(
          """
          E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
          41E95B3BB0A2E8DD477901E4FCA894C0
          """)[...])
  }

  /// A whole packet with derived keys, as libsrtp's own tests have it.
  @Test func counterModePacketIsThatOfLibsrtp() throws {
    let keys = SRTPKeys(
      profile: .aes128CMHMACSHA1_80, localKey: hex("e1f97a0d3e018be0d64fa32c06de4139"),
      localSalt: hex("0ec675ad498afeebb6960b3aabe6"),
      remoteKey: hex("e1f97a0d3e018be0d64fa32c06de4139"),
      remoteSalt: hex("0ec675ad498afeebb6960b3aabe6"))
    let packet = hex("800f1234decafbadcafebabe") + [UInt8](repeating: 0xab, count: 16)
    var sender = try SRTPSender(keys: keys, ssrc: 0xcafe_babe)
    let protected = try protect(&sender, packet)
    #expect(
      protected
        == hex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"))
  }

  /// The same with GCM: the 96-bit salt's place in the derivation is what the errata is about.
  @Test func galoisPacketIsThatOfLibsrtp() throws {
    let salt = hex("a0a1a2a3a4a5a6a7a8a9aaab")
    let keys = SRTPKeys(
      profile: .aeadAES128GCM, localKey: key, localSalt: salt, remoteKey: key, remoteSalt: salt)
    let packet = hex("800f1234decafbadcafebabe") + [UInt8](repeating: 0xab, count: 16)
    var sender = try SRTPSender(keys: keys, ssrc: 0xcafe_babe)
    let protected = try protect(&sender, packet)
    #expect(
      protected
        == hex(
          """
          800f1234decafbadcafebabe
          c5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392
          """))
  }

  /// RFC 7714 §16.1.1 and §16.1.2.
  @Test func galoisProtectsRTP() throws {
    let packet = hex(
      """
      8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
      69736120 696e2070 61727465 73207472 6573
      """)
    let expected = hex(
      """
      8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
      0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce
      """)
    var sender = try SRTPSender(sessionKeys: keys(.rtp), ssrc: 0x5501_a0b2)
    let protected = try protect(&sender, packet)
    #expect(protected == expected)
    var receiver = try SRTPReceiver(sessionKeys: keys(.rtp))
    #expect(try unprotect(&receiver, expected) == packet)
  }

  /// RFC 7714 §17.1 and §17.2.
  @Test func galoisProtectsRTCP() throws {
    let packet = hex(
      """
      81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
      deadbeef deadbeef deadbeef deadbeef deadbeef
      """)
    let expected = hex(
      """
      81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
      c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872
      45d9eade 800005d4
      """)
    var sender = try SRTCPSender(sessionKeys: keys(.rtcp), firstIndex: 0x5d4)
    let protected = try protect(&sender, packet)
    #expect(protected == expected)
    var receiver = try SRTCPReceiver(sessionKeys: keys(.rtcp))
    #expect(try unprotect(&receiver, expected) == packet)
  }
}
