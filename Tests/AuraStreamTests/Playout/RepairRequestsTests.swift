import AuraStream
import Testing

struct RepairRequestsTests {
  private let start = HostTime(nanoseconds: 1_000_000_000)
  private let roundTrip = Duration.milliseconds(20)

  /// Frame n, of 10 ms, must be here 100 ms after it is sent.
  private func deadline(_ media: MediaTime) -> HostTime {
    start + .frames(Int(media.frames)) + .milliseconds(100)
  }

  private func due(
    _ requests: inout RepairRequests, newest: Int64, after time: Duration
  ) -> [UInt16] {
    requests.due(
      newest: newest, roundTrip: roundTrip, now: start + time, deadline: deadline)
  }

  /// Packets 1 and 2 are missing; packet 3 shows it after 30 ms.
  private func gap() -> RepairRequests {
    var requests = RepairRequests()
    requests.noteGap(
      1..<3, before: MediaTime(frames: 1440), packetFrames: 480, now: start + .milliseconds(30))
    return requests
  }

  @Test func whereOrderIsKeptAGapIsAskedForAtOnce() {
    var requests = gap()
    let asked21 = due(&requests, newest: 3, after: .milliseconds(30))
    #expect(asked21 == [1, 2])
    let asked22 = due(&requests, newest: 4, after: .milliseconds(40))
    #expect(asked22.isEmpty)
    // A quarter more than the round trip later.
    let asked23 = due(&requests, newest: 5, after: .milliseconds(55))
    #expect(asked23 == [1, 2])
    #expect(requests.counts.packets == 2)
    #expect(requests.counts.requests == 4)
  }

  @Test func whatCouldNotBeInTimeIsNotAskedFor() {
    var requests = gap()
    // Frame 1 must be here at 110, frame 2 at 120 ms.
    let asked24 = due(&requests, newest: 8, after: .milliseconds(95))
    #expect(asked24 == [2])
    let asked25 = due(&requests, newest: 9, after: .milliseconds(115))
    #expect(asked25.isEmpty)
    #expect(requests.counts.skipped == 1)
    let asked26 = due(&requests, newest: 9, after: .milliseconds(121))
    #expect(asked26.isEmpty)
    #expect(requests.counts.failed == 1)
    #expect(requests.missingCount == 0)
  }

  @Test func anAnswerIsUsefulWhenItComesInTime() {
    var requests = gap()
    _ = due(&requests, newest: 3, after: .milliseconds(30))
    let answers1 = requests.noteArrival(
      1, behind: 2, inTime: true, shortestRoundTrip: roundTrip, now: start + .milliseconds(50))
    #expect(answers1)
    let answers2 = requests.noteArrival(
      2, behind: 1, inTime: false, shortestRoundTrip: roundTrip, now: start + .milliseconds(70))
    #expect(answers2)
    #expect(requests.counts.useful == 1)
    #expect(requests.counts.tooLate == 1)
    #expect(requests.reorderDepth == 0, "an answer is not out of order")
  }

  @Test func whatWasOnlyOvertakenTeachesPatience() {
    var requests = gap()
    _ = due(&requests, newest: 3, after: .milliseconds(30))
    let answers3 = requests.noteArrival(
      1, behind: 2, inTime: true, shortestRoundTrip: roundTrip, now: start + .milliseconds(32))
    #expect(!answers3)
    #expect(requests.counts.needless == 1)
    #expect(requests.reorderDepth == 2)
    var again = requests
    again.noteGap(
      20..<21, before: MediaTime(frames: 10_080), packetFrames: 480,
      now: start + .milliseconds(210))
    let first = due(&again, newest: 21, after: .milliseconds(210))
    #expect(!first.contains(20))
    let second = due(&again, newest: 22, after: .milliseconds(215))
    #expect(!second.contains(20))
    let third = due(&again, newest: 23, after: .milliseconds(218))
    #expect(third.contains(20))
  }

  @Test func patienceFades() {
    var depth = ReorderDepth()
    depth.note(depth: 5, at: start)
    depth.roll(start + .seconds(11))
    #expect(depth.packets == 5)
    depth.roll(start + .seconds(22))
    #expect(depth.packets == 0)
    depth.note(depth: 1000, at: start + .seconds(23))
    #expect(depth.packets == ReorderDepth.deepest)
  }

  @Test func aCopyMakesARequestNeedless() {
    var requests = gap()
    requests.noteCopy(of: MediaTime(frames: 480))
    let asked30 = due(&requests, newest: 3, after: .milliseconds(30))
    #expect(asked30 == [2])
    requests.noteCopy(of: MediaTime(frames: 960))
    #expect(requests.counts.needless == 1)
    #expect(requests.missingCount == 0)
  }

  @Test func memoryAndRepetitionAreBounded() {
    var requests = RepairRequests()
    requests.noteGap(
      0..<5000, before: MediaTime(frames: 5000 * 480), packetFrames: 480, now: start)
    #expect(requests.missingCount == RepairRequests.most)
    requests.noteGap(
      5001..<5301, before: MediaTime(frames: 5301 * 480), packetFrames: 480, now: start)
    #expect(requests.missingCount == RepairRequests.most)
    var asked = 0
    for step in 0..<1000 {
      asked +=
        requests.due(
          newest: 5302, roundTrip: .milliseconds(1), now: start + .milliseconds(10 * step),
          deadline: { _ in start + .seconds(3600) }
        ).count
    }
    #expect(asked == RepairRequests.most * RepairRequests.mostTimes)
  }
}
