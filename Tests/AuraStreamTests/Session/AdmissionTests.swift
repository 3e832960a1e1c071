import AuraStream
import Testing

@Suite struct AdmissionTests {
  private let start = HostTime(nanoseconds: 1_000_000_000)

  /// Sources whose joins are finished at once.
  private func admit(
    _ count: Int, to admission: inout Admission, at now: HostTime
  ) -> [Admission.Verdict] {
    (0..<count).map { index in
      let verdict = admission.admit("192.0.2.\(index)", now: now)
      if verdict == .admitted { admission.finish("192.0.2.\(index)") }
      return verdict
    }
  }

  @Test func listenersHaveALimit() {
    var admission = Admission(mostListeners: 2, now: start)
    #expect(admission.admit("a", now: start) == .admitted)
    #expect(admission.admit("b", now: start) == .admitted)
    #expect(admission.admit("c", now: start) == .full)
    admission.giveUp("a")
    #expect(admission.admit("c", now: start) == .admitted)
    admission.finish("b")
    admission.finish("c")
    #expect(admission.listenerCount == 2 && admission.unfinishedCount == 0)
    #expect(admission.admit("d", now: start) == .full)
    admission.leave()
    #expect(admission.admit("d", now: start) == .admitted)
    #expect(admission.refusedFull == 2)
  }

  @Test func aCrowdComesAtARateAndNobodyIsTurnedAwayForLong() {
    var admission = Admission(mostListeners: 0, now: start)
    var waiting = 3_000
    var now = start
    while waiting > 0 {
      let verdicts = admit(min(waiting, 700), to: &admission, at: now)
      let admitted = verdicts.count { $0 == .admitted }
      #expect(verdicts.allSatisfy { $0 == .admitted || $0 == .busy(retryAfter: 1) })
      #expect(admitted > 0)
      waiting -= admitted
      now = now + .seconds(1)
    }
    #expect(admission.listenerCount == 3_000)
    #expect(now - start <= .seconds(7))
  }

  @Test func unfinishedJoinsAreBounded() {
    var admission = Admission(mostListeners: 0, now: start)
    for _ in 0..<Admission.mostUnfinishedOfOne {
      #expect(admission.admit("greedy", now: start) == .admitted)
    }
    #expect(admission.admit("greedy", now: start) == .busy(retryAfter: 5))
    #expect(admission.admit("other", now: start) == .admitted)
    var now = start
    var source = 0
    while admission.unfinishedCount < Admission.mostUnfinished {
      source += 1
      now = now + .milliseconds(10)
      #expect(admission.admit("source \(source)", now: now) == .admitted)
    }
    #expect(admission.admit("one more", now: now + .seconds(1)) == .busy(retryAfter: 2))
    admission.giveUp("greedy")
    #expect(admission.admit("one more", now: now + .seconds(1)) == .admitted)
    #expect(admission.refusedBusy == 2)
  }
}
