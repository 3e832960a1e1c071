import AuraStream
import Testing

/// How a listener comes, moves, falls silent and goes, in virtual time.
struct LifeTests {
  @Test func mediaFollowsAListenerToItsNewAddress() throws {
    let simulation = Simulation()
    simulation.run(for: .seconds(5))
    let before = simulation.sent
    simulation.listener.path = Simulation.path(2)
    simulation.run(for: .seconds(5))
    let moved = simulation.sent
    #expect((moved[Simulation.path(2)] ?? 0) > 200)
    // The old address gets media until the listener's next check, and none after.
    let late = try #require(moved[Simulation.path(1)]) - (before[Simulation.path(1)] ?? 0)
    #expect(late <= 255)
    let concealed = simulation.concealed(from: .seconds(8), to: .seconds(9))
    #expect(concealed == 0)
  }

  @Test func aCheckFromElsewhereDoesNotMoveMediaUnlessChosen() {
    let simulation = Simulation()
    simulation.run(for: .seconds(3))
    simulation.listener.path = Simulation.path(2)
    simulation.listener.check(isNominating: false)
    simulation.run(for: .milliseconds(100))
    let path = simulation.session.facts.path
    #expect(path == Simulation.path(1))
  }

  @Test func aCopiedCheckMovesNothing() {
    let simulation = Simulation()
    var checks: [[UInt8]] = []
    simulation.wire.observer = { datagram in
      if datagram.isToServer, datagram.bytes[0] < 4 { checks.append(datagram.bytes) }
    }
    simulation.run(for: .seconds(5))
    let thief = Simulation.path(66)
    for check in checks.suffix(3) {
      unsafe simulation.session.receive(check.span.bytes, along: thief, now: simulation.now)
    }
    var answers = 0
    while let output = simulation.session.nextOutput() {
      if case .send(_, thief) = output { answers += 1 }
    }
    let facts = simulation.session.facts
    #expect(answers == 0)
    #expect(facts.path == Simulation.path(1))
    #expect(facts.drops.unauthentic >= 3)
  }

  /// One that was recorded so long ago that nobody remembers it.
  @Test func anOldCopiedCheckMovesNothing() {
    let simulation = Simulation()
    var checks: [[UInt8]] = []
    simulation.wire.observer = { datagram in
      if datagram.isToServer, datagram.bytes[0] < 4 { checks.append(datagram.bytes) }
    }
    simulation.run(for: .seconds(120))
    let thief = Simulation.path(66)
    for check in checks.prefix(3) {
      unsafe simulation.session.receive(check.span.bytes, along: thief, now: simulation.now)
    }
    simulation.run(for: .seconds(5))
    let facts = simulation.session.facts
    let stolen = simulation.sent[thief]
    let concealed = simulation.concealed(from: .seconds(119), to: .seconds(124))
    #expect(facts.path == Simulation.path(1))
    #expect(stolen == nil)
    #expect(concealed == 0)
  }

  @Test func nothingFollowsAGoodbye() {
    let simulation = Simulation()
    simulation.run(for: .seconds(2))
    var bytes: [UInt8] = []
    Goodbye(ssrcs: [7]).append(to: &bytes)
    GenericNACK(senderSSRC: 7, mediaSSRC: SimulatedServer.ssrc, lost: [5]).append(to: &bytes)
    Goodbye(ssrcs: [7]).append(to: &bytes)
    bytes.append(bigEndian: StubFeedback.tag)
    bytes.append(bigEndian: UInt32.max)
    bytes += Array(repeating: 0, count: 6)
    unsafe simulation.session.receive(
      bytes.span.bytes, along: Simulation.path(1), now: simulation.now)
    var outputs: [String] = []
    while let output = simulation.session.nextOutput() { outputs.append("\(output)") }
    #expect(outputs == ["closed(AuraStream.CloseReason.left)"])
  }

  @Test func whoVanishesIsDoubtedThenPausedThenForgotten() throws {
    let simulation = Simulation()
    simulation.run(for: .seconds(5))
    simulation.listener.isGone = true
    let goneAt = simulation.now
    simulation.run(for: .seconds(10))
    let livenesses = simulation.livenesses
    let lastSentAt = try #require(simulation.lastSentAt)
    let early = simulation.closed
    #expect(livenesses == [.doubtful, .silent])
    #expect(lastSentAt - goneAt < .milliseconds(4_100))
    #expect(early == nil)
    simulation.run(for: .seconds(21))
    let closed = simulation.closed
    #expect(closed == .silent)
    let deadline = simulation.session.deadline
    #expect(deadline == nil)
  }

  @Test func whoComesBackHearsAtOnce() {
    let simulation = Simulation()
    simulation.run(for: .seconds(5))
    simulation.listener.isGone = true
    simulation.run(for: .seconds(10))
    simulation.listener.isGone = false
    simulation.run(for: .seconds(5))
    let livenesses = simulation.livenesses
    let concealed = simulation.concealed(from: .seconds(18), to: .seconds(19))
    #expect(livenesses == [.doubtful, .silent, .present])
    #expect(concealed == 0)
  }

  @Test func whoIsQuietButAnswersIsNeverPaused() {
    // Firefox: a check of its own every four to six seconds, reports up to seven and a half apart.
    let simulation = Simulation(
      .init(reportInterval: .milliseconds(7_500), checkInterval: .seconds(6)))
    simulation.run(for: .seconds(60))
    let livenesses = simulation.livenesses
    let concealed = simulation.concealed(from: .seconds(1), to: .seconds(59))
    #expect(livenesses == [])
    #expect(concealed == 0)
  }

  @Test func aFarewellEndsTheSessionAtOnce() {
    let simulation = Simulation()
    simulation.run(for: .seconds(3))
    simulation.listener.leave()
    simulation.run(for: .milliseconds(20))
    let closed = simulation.closed
    #expect(closed == .left)
  }

  @Test func closingTellsTheListener() {
    let simulation = Simulation()
    simulation.run(for: .seconds(3))
    simulation.session.close()
    simulation.session.close()
    simulation.run(for: .milliseconds(20))
    let closed = simulation.closed
    let deadline = simulation.session.deadline
    #expect(deadline == nil)
    // The outputs of `close` are drained with the next datagram that comes.
    #expect(closed == nil || closed == .ended)
  }

  @Test func handshakesSurviveAVeryBadWire() {
    for seed in 1...20 as ClosedRange<UInt64> {
      let simulation = Simulation(
        weather: .init(
          delay: .milliseconds(50), jitter: .milliseconds(50), loss: 0.4, duplication: 0.2),
        seed: seed)
      simulation.run(for: .seconds(15))
      let facts = simulation.session.facts
      #expect(facts.isEstablished, "seed \(seed)")
    }
  }

  @Test func whoNeverComesIsForgotten() {
    let simulation = Simulation()
    simulation.listener.isGone = true
    simulation.run(for: .seconds(16))
    let closed = simulation.closed
    #expect(closed == .neverCame)
  }

  @Test func whoNeverFinishesIsForgotten() {
    let simulation = Simulation()
    simulation.run(for: .milliseconds(5))
    simulation.listener.isGone = true
    simulation.run(for: .seconds(16))
    let closed = simulation.closed
    #expect(closed == .unfinished)
  }
}
