import AuraStream
import Testing

@Suite struct OpusProfileTests {
  @Test func profilesAreWhatTheirNamesPromise() {
    #expect(OpusProfile.smooth.ptime == .milliseconds(10))
    #expect(OpusProfile.lowLatency.ptime == .milliseconds(5))
    #expect(OpusProfile.stable.ptime == .milliseconds(20))
    #expect(OpusProfile.lowLatency.application == .restrictedLowDelay)
    #expect([OpusProfile.smooth, .lowLatency, .stable].allSatisfy { $0.bitrate == 128_000 })
  }

  @Test func aBitrateChangesNothingElse() {
    let profile = OpusProfile.stable.withBitrate(510_000)
    #expect(profile.bitrate == 510_000)
    #expect(profile.frames == OpusProfile.stable.frames)
    #expect(profile.withBitrate(OpusProfile.usualBitrate) == .stable)
  }
}
