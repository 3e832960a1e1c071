import AuraStream
import Testing

/// Clients of the original protocol, whose chunks are kept here, in virtual time.
struct ChunkScheduleTests {
  private static let chunk = Duration.frames(1024, at: 44_100)
  /// From a chunk's first frame until it is there: it has to be filled.
  private static let filling = chunk + .milliseconds(9)

  private struct Sent {
    var chunk: Int
    var age: Duration
    var at: Duration
  }

  /// A chunk after the other, and a look at what is due every millisecond.
  private struct World {
    private static let start = HostTime(nanoseconds: 9_000_000_000)

    var schedule = ChunkSchedule(
      chunk: ChunkScheduleTests.chunk, slots: ChunkSchedule.needed(chunk: chunk) + 64)
    var rule: PresentationRule
    var isHeard = true
    var sent: [Sent] = []
    private var made = 0
    private var passed = 0

    init(_ mode: BroadcastMode, delay: Int) {
      rule = PresentationRule(mode: mode, delay: .milliseconds(delay))
    }

    private func captured(_ number: Int) -> HostTime { Self.start + chunk * number }

    var now: Duration { .milliseconds(passed) }

    var position: MediaTime { MediaTime(frames: Int64(now.frames())) }

    mutating func run(_ milliseconds: Int) {
      for _ in 0..<milliseconds {
        let now = Self.start + .milliseconds(passed)
        while captured(made) + filling <= now {
          schedule.append(
            capturedAt: captured(made), ChunkPresentation(rule.plan, at: position))
          made += 1
        }
        while let number = schedule.release(isHeard: isHeard, now: now) {
          sent.append(
            Sent(chunk: number, age: now - captured(number), at: .milliseconds(passed)))
        }
        if let due = schedule.nextDue, isHeard { #expect(due > now, "nobody is woken for nothing") }
        passed += 1
      }
    }

    mutating func change(to mode: BroadcastMode, delay: Int, silence: Int = 0) {
      rule.change(
        to: mode, delay: .milliseconds(delay), at: position, silence: .milliseconds(silence))
    }

    /// How many chunks went more often than once, or never.
    var moves: [Int] {
      zip(sent, sent.dropFirst()).map { $1.chunk - $0.chunk - 1 }.filter { $0 != 0 }
    }
  }

  private func ages(_ sent: some Sequence<Sent>) -> ClosedRange<Double> {
    let all = sent.map(\.age.inMilliseconds)
    return (all.min() ?? .nan)...(all.max() ?? .nan)
  }

  private static let passing = ChunkSchedule.passing.inMilliseconds

  @Test func inLiveModeAllGoesAtOnce() {
    var world = World(.live, delay: 250)
    world.run(5_000)
    #expect(world.sent.map(\.chunk) == Array(0..<world.sent.count))
    #expect(ages(world.sent).upperBound < Self.filling.inMilliseconds + 1.1)
  }

  @Test(arguments: [100, 250, 1_000, 2_000])
  func inFilmModeEachGoesAtItsTime(delay: Int) {
    var world = World(.film, delay: delay)
    world.run(10_000)
    #expect(world.moves.isEmpty)
    let ages = ages(world.sent)
    let wanted = Double(delay) - Self.passing
    #expect(ages.lowerBound > wanted - 1.1 && ages.upperBound < wanted + 1.1, "\(ages)")
  }

  /// Shorter than a chunk takes to be filled: as soon as it can be.
  @Test func theLeastDelayHoldsNothing() {
    var world = World(.film, delay: 50)
    world.run(5_000)
    #expect(ages(world.sent).upperBound < Self.filling.inMilliseconds + 1.1)
    #expect(world.moves.isEmpty)
  }

  @Test func toFilmAndAnotherDelayAndBackIsSoft() {
    var world = World(.live, delay: 250)
    world.run(3_000)
    world.change(to: .film, delay: 250)
    world.run(20_000)
    let half = Self.chunk.inMilliseconds * 0.6 + 2
    var last = world.sent.last?.age.inMilliseconds ?? .nan
    #expect(abs(last - (250 - Self.passing)) < half)
    world.change(to: .film, delay: 400)
    world.run(20_000)
    last = world.sent.last?.age.inMilliseconds ?? .nan
    #expect(abs(last - (400 - Self.passing)) < half)
    world.change(to: .live, delay: 400)
    world.run(40_000)
    #expect(ages(world.sent.suffix(100)).upperBound < Self.filling.inMilliseconds + 1.1)
    // By a chunk at a time, and never so long without one that a player of ours has nothing left.
    #expect(world.moves.allSatisfy { abs($0) == 1 })
    let gaps = zip(world.sent, world.sent.dropFirst()).map { $1.at - $0.at }
    #expect((gaps.max() ?? .zero) < Self.chunk * 2)
    // And by 20 ms a second at most.
    for (index, one) in world.sent.enumerated() {
      guard let later = world.sent[index...].first(where: { $0.at - one.at >= .seconds(5) })
      else { break }
      let moved = abs((later.age - one.age).inMilliseconds)
      #expect(moved < 5 * 20 + Self.chunk.inMilliseconds + 2)
    }
    #expect(world.schedule.repeated > 10 && world.schedule.skipped > 10)
  }

  @Test(arguments: [(250, 900), (900, 250)])
  func inAPauseItIsDoneAtOnce(from: Int, to: Int) {
    var world = World(.film, delay: from)
    world.run(5_000)
    world.change(to: .film, delay: to, silence: 900)
    let before = world.sent.count
    world.run(2_000)
    let later = world.sent.last?.age.inMilliseconds ?? .nan
    #expect(abs(later - (Double(to) - Self.passing)) < 1.1)
    // What follows the pause comes once and at its time; before it, silence goes again, or is left out.
    let pause = Int(5_000 / Self.chunk.inMilliseconds)
    let after = world.sent.dropFirst(before).filter { $0.chunk > pause }
    #expect(after.map(\.chunk) == Array((after.first?.chunk ?? 0)..<(after.last?.chunk ?? 0) + 1))
    #expect(ages(after).upperBound < Double(to) - Self.passing + 1.1)
    let gaps = zip(world.sent, world.sent.dropFirst()).map { $1.at - $0.at }
    #expect((gaps.max() ?? .zero) < Self.chunk * 2)
  }

  @Test func backToLiveInAPauseIsAtOnce() {
    var world = World(.film, delay: 600)
    world.run(5_000)
    world.change(to: .live, delay: 600, silence: 900)
    world.run(200)
    #expect((world.sent.last?.age ?? .seconds(9)) < Self.filling + .milliseconds(2))
  }

  /// While nobody is here nothing has to be soft: who comes finds things as they are to be.
  @Test func whoComesLaterIsAtTheDelayAtOnce() {
    var world = World(.live, delay: 250)
    world.isHeard = false
    world.run(3_000)
    world.change(to: .film, delay: 400)
    world.run(300)
    world.isHeard = true
    let before = world.sent.count
    world.run(2_000)
    let ages = ages(world.sent.dropFirst(before + 1))
    let wanted = 400 - Self.passing
    #expect(ages.lowerBound > wanted - 2 && ages.upperBound < wanted + 2, "\(ages)")
  }

  /// What is remembered is bounded, and what goes is always among it.
  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func anythingMayBeWanted(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var world = World(.live, delay: 250)
    for _ in 0..<60 {
      world.isHeard = Int.random(in: 0..<4, using: &generator) > 0
      world.change(
        to: Bool.random(using: &generator) ? .film : .live,
        delay: Int.random(in: 50...2_000, using: &generator),
        silence: Bool.random(using: &generator) ? 0 : Int.random(in: 0...4_000, using: &generator))
      world.run(Int.random(in: 1...4_000, using: &generator))
    }
    #expect(world.sent.allSatisfy { $0.age < .milliseconds(2_200) && $0.age > .zero })
    #expect(zip(world.sent, world.sent.dropFirst()).allSatisfy { $0.chunk <= $1.chunk })
  }
}
