import AuraStream
import Testing

/// What a listener is given beside its packets, from what it tells.
@Suite struct RepairPolicyTests {
  private static let start = HostTime(nanoseconds: 0)

  /// A listener that has had a second of packets and then reports its losses.
  private func policy(
    nack: Bool, redundancy: Bool = false, asking: Int = 0, reporting loss: Double
  ) -> RepairPolicy {
    var policy = RepairPolicy(.init(nack: nack, redundancy: redundancy), now: Self.start)
    for packet in 0..<100 {
      let now = Self.start + .milliseconds(10 * packet)
      policy.didSend(now: now)
      if packet < asking { policy.didMiss(now: now) }
    }
    policy.didReport(loss: loss, now: Self.start + .seconds(1))
    return policy
  }

  @Test func whoAsksIsNotSentEverythingTwice() {
    #expect(!policy(nack: true, asking: 10, reporting: 0.1).sendsTwice)
  }

  @Test func whoCannotAskIs() {
    #expect(policy(nack: false, reporting: 0.1).sendsTwice)
    #expect(!policy(nack: false, reporting: 0).sendsTwice)
  }

  @Test func whoCouldAskAndNeverDoesIsToo() {
    #expect(policy(nack: true, reporting: 0.1).sendsTwice)
    #expect(!policy(nack: true, reporting: 0).sendsTwice)
  }

  @Test func redundancyGoesBeforeCopies() {
    let policy = policy(nack: true, redundancy: true, reporting: 0.1)
    #expect(!policy.sendsTwice && policy.olderFrames == 2)
  }
}
