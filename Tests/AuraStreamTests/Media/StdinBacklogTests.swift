import AuraStream
import Testing

/// A pipe and its reader in virtual time: 5 ms blocks, a writer, and the rule between them.
private struct Pipe {
  static let block = Duration.milliseconds(5)
  static let capacity = Duration.milliseconds(341)

  var backlog = StdinBacklog()
  var now = HostTime(nanoseconds: 1_000_000_000)
  var waiting = Duration.zero
  var discarded = Duration.zero
  var discards: [HostTime] = []
  var hungUp = false

  /// Reads for `duration`; `write` says how much is written before each block.
  mutating func run(_ duration: Duration, write: (HostTime, Duration) -> Duration) {
    let end = now + duration
    while now < end {
      waiting = min(Self.capacity, waiting + write(now, Self.capacity - waiting))
      if waiting >= Self.block {
        let stale = backlog.judge(
          waiting: waiting - Self.block, isFull: waiting == Self.capacity, isHungUp: hungUp,
          now: now)
        #expect(stale >= .zero && stale <= waiting - Self.block)
        if stale > .zero { discards.append(now) }
        discarded += stale
        waiting -= stale + Self.block
      }
      now = now + Self.block
    }
  }

  /// A writer that writes `length` every `length`.
  mutating func runLive(_ duration: Duration, length: Duration = .milliseconds(10)) {
    run(duration) { now, _ in now.nanoseconds % length.inNanoseconds == 0 ? length : .zero }
  }

  /// A writer that has all its sound at hand.
  mutating func runFast(_ duration: Duration) { run(duration) { _, room in room } }

  /// We do not read, and a live writer goes on.
  mutating func freeze(_ duration: Duration) {
    waiting = min(Self.capacity, waiting + duration)
    now = now + duration
  }
}

@Suite struct StdinBacklogTests {
  @Test func aFastWriterNeverLosesAnything() {
    var pipe = Pipe()
    pipe.runFast(.seconds(60))
    pipe.freeze(.seconds(1))
    pipe.runFast(.seconds(60))
    #expect(pipe.discarded == .zero)
    #expect(!pipe.backlog.isLive)
  }

  @Test(arguments: [5, 10, 20, 50, 100, 250])
  func aLiveWriterThatKeepsUpLosesNothing(milliseconds: Int) {
    var pipe = Pipe()
    pipe.runLive(.seconds(30), length: .milliseconds(milliseconds))
    #expect(pipe.backlog.isLive)
    #expect(pipe.discarded == .zero)
  }

  @Test func theBacklogOfALiveWriterIsGoneSoon() {
    var pipe = Pipe()
    pipe.runLive(.seconds(5))
    pipe.freeze(.milliseconds(300))
    let resumed = pipe.now
    pipe.runLive(.seconds(5))
    #expect(pipe.discards.count == 1)
    #expect(pipe.discards.allSatisfy { $0 - resumed <= .milliseconds(1100) })
    #expect(pipe.discarded > .milliseconds(250) && pipe.discarded <= .milliseconds(300))
    #expect(pipe.waiting <= .milliseconds(40))
    #expect(pipe.backlog.isLive)
  }

  @Test func aBacklogFromBeforeTheProofGoesAfterIt() {
    var pipe = Pipe()
    pipe.waiting = .milliseconds(200)
    pipe.runLive(.seconds(2))
    #expect(pipe.discarded == .zero)
    pipe.runLive(.seconds(2))
    #expect(pipe.discards.count == 1)
    #expect(pipe.waiting <= .milliseconds(40))
  }

  @Test func sixtyMillisecondsMayWait() {
    var pipe = Pipe()
    pipe.waiting = .milliseconds(60)
    pipe.runLive(.seconds(20), length: .milliseconds(5))
    #expect(pipe.backlog.isLive)
    #expect(pipe.discarded == .zero)
  }

  @Test func everyFreezeIsForgiven() {
    var pipe = Pipe()
    pipe.runLive(.seconds(5))
    for _ in 0..<10 {
      pipe.freeze(.milliseconds(200))
      pipe.runLive(.milliseconds(1500))
    }
    #expect(pipe.backlog.isLive)
    #expect(pipe.discards.count == 10)
    #expect(pipe.waiting <= .milliseconds(40))
  }

  @Test func aWriterThatPausesAndThenHurriesIsForgivenToo() {
    var pipe = Pipe()
    pipe.runLive(.seconds(5))
    for _ in 0..<5 {
      pipe.run(.milliseconds(250)) { _, _ in .zero }
      pipe.waiting += .milliseconds(250)
      pipe.runLive(.milliseconds(1200))
    }
    #expect(pipe.backlog.isLive)
    #expect(pipe.discards.count == 5)
    #expect(pipe.waiting <= .milliseconds(40))
  }

  @Test func aBacklogThatComesByAndByIsGoneToo() {
    var pipe = Pipe()
    pipe.runLive(.seconds(5))
    pipe.run(.milliseconds(250)) { _, _ in .zero }
    // The reader wakes up when some of it is there; the rest comes while it reads.
    pipe.waiting += .milliseconds(100)
    pipe.run(.milliseconds(20)) { _, _ in .milliseconds(42) }
    pipe.runLive(.milliseconds(1500))
    #expect(pipe.backlog.isLive)
    #expect(pipe.waiting <= .milliseconds(40))
  }

  @Test(arguments: [102, 105, 120, 200])
  func aWriterThatIsALittleFasterIsLeftInPeace(percent: Int) {
    var pipe = Pipe()
    pipe.run(.seconds(120)) { _, room in min(room, .microseconds(50 * percent)) }
    #expect(pipe.discards.count <= 1)
    #expect(!pipe.backlog.isLive)
  }

  @Test func aWriterThatRefillsIsNotLiveAndIsLeftInPeace() {
    var pipe = Pipe()
    // A decoder that was slow to begin, and then has all its sound at hand.
    pipe.runLive(.seconds(3))
    pipe.runFast(.seconds(10))
    #expect(pipe.discards.count == 1)
    #expect(!pipe.backlog.isLive)
    let discarded = pipe.discarded
    pipe.runFast(.seconds(60))
    #expect(pipe.discarded == discarded)
  }

  @Test func theEndOfTheSoundIsPlayed() {
    var pipe = Pipe()
    pipe.runLive(.seconds(5))
    pipe.waiting = .milliseconds(300)
    pipe.hungUp = true
    pipe.run(.milliseconds(300)) { _, _ in .zero }
    #expect(pipe.discarded == .zero)
  }

  @Test func silenceProvesNothing() {
    var pipe = Pipe()
    pipe.runLive(.seconds(1))
    pipe.run(.seconds(60)) { _, _ in .zero }
    #expect(pipe.backlog.isLearning)
    pipe.runFast(.seconds(60))
    #expect(pipe.discarded == .zero)
  }
}
