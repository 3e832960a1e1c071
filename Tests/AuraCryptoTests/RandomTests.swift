import AuraCrypto
import Testing

@Suite struct RandomTests {
  @Test func bytesAreNeverTheSame() {
    #expect(Random.bytes(0) == [])
    #expect(Random.bytes(1000).count == 1000)
    #expect(Random.bytes(16) != Random.bytes(16))
  }

  // RFC 2202 §3.
  @Test(arguments: [
    (
      [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
      "b617318655057264e28bc0b6fb378c8ef146be00"
    ),
    (
      Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
      "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
    ),
    (
      [UInt8](repeating: 0xaa, count: 80),
      Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      "aa4ae5e15272d00e95705637ce8a3b55ed402112"
    ),
  ])
  func messagesAreAuthenticated(key: [UInt8], message: [UInt8], code: String) {
    #expect(HMACSHA1.authenticate(key: key, message: message) == hex(code))
  }

  @Test func emptyKeysAndMessagesHaveACode() {
    let code = HMACSHA1.authenticate(key: [], message: [])
    #expect(code == hex("fbdb1d1b18aa6c08324b7d64b71fb76370690e1d"))
  }

  @Test func comparisonTellsTheSameFromTheDifferent() {
    #expect(ConstantTime.areEqual([], []))
    #expect(ConstantTime.areEqual([1, 2, 3], [1, 2, 3]))
    #expect(!ConstantTime.areEqual([1, 2, 3], [1, 2, 4]))
    #expect(!ConstantTime.areEqual([1, 2, 3], [1, 2]))
  }
}
