import AuraStream
import Testing

struct JitterBufferTests {
  private func frame(_ number: Int, isCopy: Bool = false) -> JitterBuffer.Frame {
    JitterBuffer.Frame(
      start: MediaTime(frames: Int64(480 * number)), frames: 480, payload: [UInt8(number & 0xff)],
      arrival: HostTime(nanoseconds: 0), index: isCopy ? nil : Int64(number))
  }

  @Test func whateverTheOrderOfArrivalTheOrderOfPlayingIsThatOfTime() {
    for seed in 1...50 as ClosedRange<UInt64> {
      var generator = SeededGenerator(seed: seed)
      var buffer = JitterBuffer()
      var arriving = (0..<200).flatMap { [$0, $0] } + [7, 7, 7]
      arriving.shuffle(using: &generator)
      for number in arriving {
        _ = buffer.insert(frame(number, isCopy: Bool.random(using: &generator)))
      }
      var played: [Int64] = []
      while let next = buffer.removeFirst() { played.append(next.start.frames / 480) }
      #expect(played == Array(0..<200), "seed \(seed)")
      #expect(buffer.counts.stored == 200)
      #expect(buffer.counts.duplicates <= 203)
    }
  }

  @Test func lateFramesAndCopiesAreToldApart() {
    var buffer = JitterBuffer()
    let became1 = buffer.insert(frame(1))
    #expect(became1 == .stored)
    let became2 = buffer.insert(frame(3))
    #expect(became2 == .stored)
    let became3 = buffer.insert(frame(2, isCopy: true))
    #expect(became3 == .stored)
    let became4 = buffer.insert(frame(2))
    #expect(became4 == .duplicate)
    // The packet came after its copy: which one it was is known now.
    let became5 = buffer.removeFirst()?.index
    #expect(became5 == 1)
    let became6 = buffer.removeFirst()?.index
    #expect(became6 == 2)
    let became7 = buffer.insert(frame(1))
    #expect(became7 == .late)
    let became8 = buffer.insert(frame(1, isCopy: true))
    #expect(became8 == .late)
    #expect(buffer.counts.late == 1)
    #expect(buffer.counts.redundant == 1)
    #expect(buffer.counts.reordered == 0)
  }

  @Test func whatIsPassedOverCountsAsUnplayed() {
    var buffer = JitterBuffer()
    for number in 0..<5 { _ = buffer.insert(frame(number)) }
    buffer.pass(MediaTime(frames: 3 * 480 - 1))
    #expect(buffer.first?.start == MediaTime(frames: 960), "the rest of it can still be played")
    buffer.pass(MediaTime(frames: 3 * 480))
    #expect(buffer.counts.unplayed == 3)
    #expect(buffer.count == 2)
  }

  @Test func itIsBounded() {
    var buffer = JitterBuffer(capacity: 10)
    for number in 0..<100 { _ = buffer.insert(frame(number)) }
    #expect(buffer.count == 10)
    #expect(buffer.first?.start == MediaTime(frames: 43_200))
    #expect(buffer.counts.unplayed == 90)
  }
}
