import AuraStream
import Testing

/// The session and the flow against a simulated player, in virtual time. Every failure names its seed.
struct SimulationTests {
  private static let badWeather = SimulatedWire.Weather(
    delay: .milliseconds(10), jitter: .milliseconds(30), loss: 0.1, duplication: 0.02)

  /// What must hold in every simulation, whatever the weather.
  private func expectSound(_ simulation: Simulation) {
    let mistakes = simulation.listener.mistakes
    let reused = simulation.protector.reused
    let forged = simulation.listener.forged
    #expect(mistakes == [])
    #expect(reused == 0)
    #expect(forged == 0)
  }

  @Test func aCleanWireLosesNothing() {
    let simulation = Simulation()
    simulation.run(for: .seconds(10))
    let concealed = simulation.concealed(from: .seconds(1), to: .seconds(9))
    let requests = simulation.listener.requests
    let counts = simulation.flow?.counts
    let facts = simulation.session.facts
    #expect(concealed == 0)
    #expect(requests == 0)
    #expect(counts?.repeated == 0 && counts?.copies == 0)
    #expect(facts.isEstablished && facts.lost == 0 && facts.jitter == .milliseconds(1))
    #expect(facts.roundTrip.map { $0 >= .milliseconds(5) && $0 <= .milliseconds(9) } ?? false)
    expectSound(simulation)
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func requestsAndRedundancyRepairATenthOfLoss(seed: UInt64) {
    let simulation = Simulation(weather: Self.badWeather, seed: seed)
    simulation.run(for: .seconds(30))
    let repaired = simulation.concealed(from: .seconds(10), to: .seconds(29))
    let requests = simulation.listener.requests
    #expect(repaired <= 0.01, "seed \(seed)")
    #expect(requests > 100, "seed \(seed)")
    expectSound(simulation)
  }

  @Test func withoutRepairATenthIsLost() {
    // A browser's report comes every five seconds, so the second copies begin later than this ends.
    let simulation = Simulation(
      .init(
        asksForMissing: false, understandsRedundancy: false, reportInterval: .seconds(60)),
      weather: Self.badWeather)
    simulation.run(for: .seconds(20))
    let lost = simulation.concealed(from: .seconds(5), to: .seconds(19))
    #expect(lost > 0.07 && lost < 0.14)
    expectSound(simulation)
  }

  @Test(arguments: [240, 480, 960])
  func secondCopiesRepairForWhoCannotAsk(packetFrames: Int) {
    let simulation = Simulation(
      .init(
        asksForMissing: false, understandsRedundancy: false, reportInterval: .seconds(5)),
      weather: Self.badWeather, packetFrames: packetFrames)
    simulation.run(for: .seconds(40))
    let lost = simulation.concealed(from: .seconds(12), to: .seconds(39))
    let copies = simulation.flow?.counts.copies ?? 0
    let replays = simulation.listener.replays
    #expect(lost < 0.03)
    #expect(copies > 500)
    #expect(replays > 400)
    expectSound(simulation)
  }

  @Test func redundancyAloneRepairsForWhoCannotAsk() {
    let simulation = Simulation(
      .init(asksForMissing: false, reportInterval: .seconds(2)), weather: Self.badWeather)
    simulation.run(for: .seconds(30))
    let lost = simulation.concealed(from: .seconds(10), to: .seconds(29))
    let copies = simulation.flow?.counts.copies
    #expect(lost < 0.01)
    #expect(copies == 0)
    expectSound(simulation)
  }

  @Test func remediesEndWhenTheWeatherClears() {
    let simulation = Simulation(weather: Self.badWeather)
    simulation.run(for: .seconds(15))
    let during = simulation.flow?.repair.olderFrames
    simulation.wire.weather = .init()
    simulation.run(for: .seconds(60))
    let after = simulation.flow?.repair.olderFrames
    #expect(during == 2)
    #expect(after == 0)
    expectSound(simulation)
  }

  /// The one rule above all: with redundancy switched on and off, requests, retransmissions, second
  /// copies, pauses and moves, across the wrap of the sequence number.
  @Test(arguments: 11...16 as ClosedRange<UInt64>)
  func noIndexIsEncryptedTwice(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let simulation = Simulation(
      .init(
        asksForMissing: seed % 3 != 0, understandsRedundancy: seed % 2 == 0,
        reportInterval: .seconds(2)),
      weather: Self.badWeather, packetFrames: 240, seed: seed)
    for round in 0..<18 as Range<UInt64> {
      simulation.wire.weather = .init(
        delay: .milliseconds(Int.random(in: 1...80, using: &random)),
        jitter: .milliseconds(Int.random(in: 0...60, using: &random)),
        loss: [0, 0, 0.02, 0.1, 0.3].randomElement(using: &random) ?? 0,
        duplication: [0, 0.3].randomElement(using: &random) ?? 0)
      simulation.listener.path = Simulation.path(1 + round / 3)
      simulation.listener.isGone = round % 6 == 4
      simulation.run(for: .seconds(Int.random(in: 5...12, using: &random)))
    }
    let packets = simulation.flow?.counts.packets ?? 0
    let heard = simulation.listener.packets
    #expect(packets > 15_000, "seed \(seed)")
    #expect(heard > 10_000, "seed \(seed)")
    expectSound(simulation)
  }

  @Test(arguments: [-300.0, 0, 300])
  func reportsTellTheSoundCardsRate(driftPPM: Double) throws {
    let simulation = Simulation(driftPPM: driftPPM)
    simulation.run(for: .seconds(120))
    let reports = simulation.listener.reports
    let first = try #require(reports.dropFirst(5).first)
    let last = try #require(reports.last)
    let frames = Double(last.rtpTimestamp &- first.rtpTimestamp)
    let seconds = Double(last.ntpTime.value &- first.ntpTime.value) / 4_294_967_296
    let measured = (frames / seconds / 48_000 - 1) * 1e6
    #expect(abs(measured - driftPPM) < 5)
    #expect(reports.count > 100)
    expectSound(simulation)
  }

  @Test func theListenersClockIsEchoed() throws {
    let simulation = Simulation()
    simulation.run(for: .seconds(10))
    let echo = try #require(simulation.listener.echoes.last?.reports.first)
    #expect(echo.ssrc == 7)
    let arrival = NTPTime(simulation.now + .seconds(1_000))
    let roundTrip = try #require(echo.roundTrip(arrival: arrival))
    // The echo came within the last report's second.
    #expect(roundTrip < .milliseconds(1_100))
  }
}
