import AuraStream
import Testing

/// The listener's own session against the real server's, in virtual time. Every failure names its seed.
struct PlayerSessionTests {
  private static let badWeather = SimulatedWire.Weather(
    delay: .milliseconds(10), jitter: .milliseconds(30), loss: 0.1, duplication: 0.05)

  private func expectNoMistakes(_ simulation: PlayerSimulation, _ seed: UInt64 = 1) {
    let mistakes = simulation.mistakes
    let reused = simulation.server.protector.reused
    #expect(mistakes == [] && reused == 0, "seed \(seed)")
  }

  @Test func aCleanWireLosesNothing() throws {
    let simulation = PlayerSimulation()
    simulation.run(for: .seconds(10))
    let startedAt = try #require(simulation.startedAt)
    // A check, a choice, and two of the handshake: four ways there and back of 6 ms each.
    #expect(startedAt - simulation.start < .milliseconds(40))
    let facts = simulation.player.facts
    let heard = simulation.packets(from: .seconds(1), to: .seconds(9))
    #expect(heard == 800)
    #expect(facts.reception.missing == 0 && facts.reception.late == 0)
    #expect(facts.reception.duplicates == 0 && facts.requested == 0)
    #expect(facts.drops.malformed + facts.drops.unauthentic == 0)
    #expect(facts.roundTrip.map { $0 >= .milliseconds(5) && $0 <= .milliseconds(9) } ?? false)
    #expect((8...12).contains(facts.reports))
    let clock = try #require(facts.senderClock)
    #expect(simulation.now - clock.arrivedAt < .milliseconds(1_100))
    // Every report is told, and all but the first few echo our clock.
    let told = simulation.told
    #expect(told.last?.clock == clock && told.count >= 8)
    #expect(told.filter { ($0.echo?.lastReference ?? 0) != 0 }.count >= told.count - 3)
    let remote = simulation.player.remote
    #expect(remote == PlayerSimulation.serverAddresses[0])
    let listener = simulation.server.session.facts
    #expect(listener.lost == 0 && listener.fractionLost == 0)
    #expect(listener.roundTrip.map { $0 >= .milliseconds(5) && $0 <= .milliseconds(9) } ?? false)
    expectNoMistakes(simulation)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func badWiresDelayButDoNotBreak(seed: UInt64) {
    let simulation = PlayerSimulation(
      weather: .init(
        delay: .milliseconds(50), jitter: .milliseconds(50), loss: 0.4, duplication: 0.2),
      seed: seed)
    simulation.run(for: .seconds(15))
    let facts = simulation.player.facts
    #expect(facts.isEstablished, "seed \(seed)")
    expectNoMistakes(simulation, seed)
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func whatIsMissingIsAskedForAndComes(seed: UInt64) {
    let simulation = PlayerSimulation(
      weather: Self.badWeather, understandsRedundancy: false, seed: seed)
    simulation.run(for: .seconds(20))
    let reception = simulation.player.facts.reception
    let requested = simulation.player.facts.requested
    #expect(requested > 100, "seed \(seed)")
    #expect(Double(reception.missing) / Double(reception.expected) < 0.01, "seed \(seed)")
    #expect(reception.late > 0 && reception.duplicates > 0, "seed \(seed)")
    let unauthentic = simulation.player.facts.drops.unauthentic
    // A copy of the server's answer to a check, or of a report, is no forgery of media.
    #expect(unauthentic < 60, "seed \(seed)")
    expectNoMistakes(simulation, seed)
  }

  @Test func redundancyComesWhenPacketsAreLost() {
    let simulation = PlayerSimulation(weather: Self.badWeather)
    simulation.run(for: .seconds(10))
    let types = simulation.payloadTypes
    #expect(types == [111, 63])
    expectNoMistakes(simulation)
  }

  @Test func aReportTellsWhatWasLost() {
    let simulation = PlayerSimulation(weather: .init(loss: 0.2), understandsRedundancy: false)
    simulation.asksForMissing = false
    simulation.run(for: .seconds(10))
    let listener = simulation.server.session.facts
    let missing = simulation.player.facts.reception.missing
    // The first report brings second copies, of which both are lost one time in twenty-five.
    #expect((0.005...0.1).contains(listener.fractionLost))
    #expect(listener.lost > 20 && listener.lost <= missing)
  }

  @Test func mediaMayBeCountedWithoutBeingOpened() {
    let simulation = PlayerSimulation(weather: .init(duplication: 0.1)) { $0.opensMedia = false }
    simulation.run(for: .seconds(10))
    let reception = simulation.player.facts.reception
    let heard = simulation.packets(from: .seconds(1), to: .seconds(9))
    #expect(heard == 800 && reception.missing == 0 && reception.duplicates > 50)
  }

  // MARK: Ways

  @Test func aDeadAddressCostsLittleTime() throws {
    let simulation = PlayerSimulation(addresses: 2)
    simulation.reachable = [PlayerSimulation.serverAddresses[1]]
    simulation.run(for: .seconds(1))
    let startedAt = try #require(simulation.startedAt)
    let remote = simulation.player.remote
    #expect(remote == PlayerSimulation.serverAddresses[1])
    #expect(startedAt - simulation.start < .milliseconds(250))
  }

  @Test func ofSeveralWaysTheBestIsTaken() {
    for seed in 1...10 as ClosedRange<UInt64> {
      let simulation = PlayerSimulation(
        weather: .init(delay: .milliseconds(2), jitter: .milliseconds(20)), addresses: 2, seed: seed
      )
      simulation.run(for: .seconds(1))
      let remote = simulation.player.remote
      #expect(remote == PlayerSimulation.serverAddresses[0], "seed \(seed)")
    }
  }

  @Test func whenAWayDiesAnotherIsTaken() {
    let simulation = PlayerSimulation(addresses: 2)
    simulation.run(for: .seconds(5))
    simulation.reachable = [PlayerSimulation.serverAddresses[1]]
    simulation.run(for: .seconds(5))
    let remote = simulation.player.remote
    let heard = simulation.packets(from: .seconds(8), to: .seconds(9))
    #expect(remote == PlayerSimulation.serverAddresses[1])
    #expect(heard == 100)
    expectNoMistakes(simulation)
  }

  @Test func ourOwnAddressMayChange() {
    for isTold in [false, true] {
      let simulation = PlayerSimulation()
      simulation.run(for: .seconds(5))
      simulation.address = PlayerSimulation.path(2)
      if isTold { simulation.player.networkChanged(now: simulation.now) }
      simulation.run(for: .seconds(5))
      // Untold, half a second of silence tells it.
      let gap = simulation.packets(from: .seconds(5), to: .seconds(6))
      #expect(isTold ? gap >= 97 : gap >= 40, "\(gap)")
      let heard = simulation.packets(from: .seconds(7), to: .seconds(9))
      #expect(heard == 200)
      let livenesses = simulation.livenesses
      #expect(livenesses == [])
      expectNoMistakes(simulation)
    }
  }

  // MARK: Ends

  @Test func whoNeverAnswersIsUnreachable() {
    let simulation = PlayerSimulation(addresses: 2)
    simulation.reachable = []
    simulation.run(for: .seconds(5))
    let early = simulation.closed
    #expect(early == nil)
    simulation.run(for: .seconds(2))
    let closed = simulation.closed
    let deadline = simulation.player.deadline
    #expect(closed == .unreachable && deadline == nil)
  }

  @Test func whoNeverFinishesIsGivenUp() {
    let simulation = PlayerSimulation()
    simulation.serverFilter = { $0[0] < 4 }
    simulation.run(for: .seconds(16))
    let closed = simulation.closed
    #expect(closed == .unfinished)
  }

  @Test func aSilentServerIsDoubtedThenForgotten() {
    let simulation = PlayerSimulation()
    simulation.run(for: .seconds(5))
    simulation.reachable = []
    var questions = 0
    simulation.wire.observer = { if $0.isToServer, $0.bytes[0] < 4 { questions += 1 } }
    simulation.run(for: .seconds(2))
    let soon = simulation.livenesses
    #expect(soon == [.doubtful])
    simulation.run(for: .seconds(20))
    let livenesses = simulation.livenesses
    let early = simulation.closed
    #expect(livenesses == [.doubtful, .silent] && early == nil)
    // The last answer to a check may have come some seconds before the silence.
    simulation.run(for: .seconds(9))
    let closed = simulation.closed
    #expect(closed == .silent)
    // Asked often, and not more often than that.
    #expect((40...70).contains(questions))
  }

  @Test func whatComesBackIsHeardAtOnce() {
    let simulation = PlayerSimulation(addresses: 2)
    simulation.run(for: .seconds(5))
    simulation.reachable = []
    simulation.run(for: .seconds(10))
    simulation.reachable = Set(PlayerSimulation.serverAddresses)
    simulation.run(for: .seconds(3))
    let livenesses = simulation.livenesses
    let heard = simulation.packets(from: .seconds(17), to: .seconds(18))
    #expect(livenesses == [.doubtful, .silent, .present])
    #expect(heard == 100)
  }

  @Test func aServerThatBeganAnewIsNoticed() {
    let simulation = PlayerSimulation()
    simulation.run(for: .seconds(5))
    simulation.restartServer()
    simulation.run(for: .seconds(2))
    let livenesses = simulation.livenesses
    #expect(livenesses == [.doubtful])
  }

  @Test func aServerThatPausesIsNotDoubted() {
    let simulation = PlayerSimulation()
    simulation.run(for: .seconds(5))
    simulation.serverFilter = { $0[0] < 128 }
    simulation.run(for: .seconds(60))
    let (livenesses, closed) = (simulation.livenesses, simulation.closed)
    #expect(livenesses == [] && closed == nil)
  }

  @Test func theServersGoodbyeIsTheEnd() {
    for isReport in [true, false] {
      let simulation = PlayerSimulation()
      simulation.run(for: .seconds(3))
      if isReport {
        simulation.server.sayGoodbye(now: simulation.now)
      } else {
        simulation.server.session.close()
        simulation.server.follow(now: simulation.now)
      }
      simulation.run(for: .milliseconds(20))
      let closed = simulation.closed
      #expect(closed == .goodbye)
    }
  }

  /// A goodbye and a sender report are one datagram: the report is no news of a session that has ended.
  @Test func nothingFollowsTheEnd() {
    let simulation = PlayerSimulation()
    simulation.run(for: .seconds(3))
    let told = simulation.told.count
    simulation.server.sayGoodbye(now: simulation.now)
    simulation.run(for: .seconds(2))
    let (closed, afterwards) = (simulation.closed, simulation.told.count)
    #expect(closed == .goodbye && afterwards == told)
    expectNoMistakes(simulation)
  }

  @Test func ourGoodbyeIsHeard() {
    let simulation = PlayerSimulation()
    simulation.run(for: .seconds(3))
    simulation.player.close()
    simulation.player.close()
    simulation.run(for: .milliseconds(20))
    let (ours, theirs) = (simulation.closed, simulation.server.closed)
    #expect(ours == .ended && theirs == .left)
  }

  // MARK: Hostile input

  @Test func nothingFromElsewhereIsBelieved() {
    let simulation = PlayerSimulation()
    simulation.run(for: .seconds(3))
    let before = simulation.player.facts
    let thief = Endpoint(upper: 0, lower: 0xffff_c633_64c8, port: 5_555)
    var random = SeededGenerator(seed: 3)
    for kind in [0x80, 0x80, 0, 22, 40] as [UInt8] {
      for _ in 0..<200 {
        var noise = (0..<Int.random(in: 1...200, using: &random)).map { _ in
          UInt8.random(in: 0...255, using: &random)
        }
        noise[0] = kind
        simulation.hear(noise, from: Bool.random(using: &random) ? thief : .init(simulation))
        simulation.follow()
      }
    }
    let after = simulation.player.facts
    #expect(after.reception == before.reception)
    let dropped = after.drops.malformed + after.drops.unauthentic + after.drops.unexpected
    // The rest is for the handshake, which is over, or has a number that came.
    #expect(dropped >= 600)
    simulation.run(for: .seconds(2))
    let heard = simulation.packets(from: .seconds(3), to: .seconds(5))
    #expect(heard == 200)
  }
}

extension Endpoint {
  /// The server's end that a simulation uses.
  fileprivate init(_ simulation: PlayerSimulation) {
    self = simulation.player.remote ?? PlayerSimulation.serverAddresses[0]
  }
}
