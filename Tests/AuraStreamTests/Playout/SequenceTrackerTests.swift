import AuraStream
import Testing

struct SequenceTrackerTests {
  @Test func wrapsAreCounted() {
    var tracker = SequenceTracker()
    let first = tracker.note(65_534)
    var number: UInt16 = 65_534
    for step in 1...200_000 {
      number &+= 1
      let (index, arrival) = tracker.note(number)
      #expect(index == first.index + Int64(step))
      #expect(arrival == .next)
      if index != first.index + Int64(step) { return }
    }
  }

  @Test func gapsAndLatecomersAreTold() {
    var tracker = SequenceTracker()
    let first = tracker.note(65_535).index
    let arrival1 = tracker.note(2).arrival
    #expect(arrival1 == .ahead(missing: first + 1..<first + 3))
    let arrival2 = tracker.note(0).arrival
    #expect(arrival2 == .behind(by: 2))
    let arrival3 = tracker.note(2).arrival
    #expect(arrival3 == .behind(by: 0))
    let arrival4 = tracker.note(3).arrival
    #expect(arrival4 == .next)
  }

  @Test func whoComesBeforeTheFirstIsNoNegativeNumber() {
    var tracker = SequenceTracker()
    _ = tracker.note(0)
    let (index, arrival) = tracker.note(65_000)
    #expect(index > 0)
    #expect(arrival == .behind(by: 536))
  }

  @Test func aStrayIsNoRestartButTwoInARowAre() {
    var tracker = SequenceTracker()
    _ = tracker.note(100)
    let arrival5 = tracker.note(30_000).arrival
    #expect(arrival5 == .stray)
    let arrival6 = tracker.note(101).arrival
    #expect(arrival6 == .next)
    let arrival7 = tracker.note(30_000).arrival
    #expect(arrival7 == .stray)
    let arrival8 = tracker.note(30_001).arrival
    #expect(arrival8 == .restarted)
    let arrival9 = tracker.note(30_002).arrival
    #expect(arrival9 == .next)
  }
}
