import AuraStream
import Foundation
import Testing

/// A server's clock and a network in virtual time.
private struct Exchanges {
  var generator: SeededGenerator
  /// The server's clock less ours at our time zero, in seconds; and its drift.
  var offset: Double
  var ppm: Double
  /// The shortest way in each direction, and what comes on top: evenly scattered, or decaying with that mean.
  var way = 0.000_05
  var jitter = 0.0
  var decay = (there: 0.0, back: 0.0)

  func server(_ local: Double) -> Double { local + offset + local * ppm / 1e6 }

  mutating func exchange(at local: Double) -> ClockExchange {
    let there = way + onTop(decay.there)
    let back = way + onTop(decay.back)
    let held = Double.random(in: 0...1, using: &generator)
    func instant(_ seconds: Double) -> HostTime {
      HostTime(nanoseconds: Int64((seconds * 1e9).rounded()))
    }
    // As it goes over the wire: units of 15 microseconds, and one report a second.
    let asked = instant(local)
    let reported = NTPTime(instant(server(local + there + held)))
    let echo = DelaySinceReference.Report(
      ssrc: 1, lastReference: NTPTime(asked).middle,
      delay: NTPShortDuration(.nanoseconds(Int64(held * (1 + ppm / 1e6) * 1e9))))
    let received = instant(local + there + held + back)
    return ClockExchange(echo: echo, reportedAt: reported, received: received)
      ?? ClockExchange(asked: asked, served: asked, answered: asked, received: received)
  }

  private mutating func onTop(_ mean: Double) -> Double {
    Double.random(in: 0...max(jitter, 1e-9), using: &generator)
      - mean * log(Double.random(in: 1e-12...1, using: &generator))
  }

  /// How far a clock's answer is off, in milliseconds.
  func error(of clock: ServerClock, at local: Double) -> Double {
    let told = clock.serverTime(at: HostTime(nanoseconds: Int64(local * 1e9)))
    return ((told ?? HostTime(nanoseconds: 0)).nanosecondsAsDouble / 1e9 - server(local)) * 1e3
  }
}

extension HostTime { fileprivate var nanosecondsAsDouble: Double { Double(nanoseconds) } }

/// How many seeds each rule is tried with; more by AURALYNC_SEEDS.
private let seeds: ClosedRange<UInt64> =
  1...max(10, UInt64(ProcessInfo.processInfo.environment["AURALYNC_SEEDS"] ?? "") ?? 10)

struct ServerClockTests {
  @Test func anEchoTellsFourInstants() throws {
    let asked = HostTime(nanoseconds: 123_456_789_012)
    let echo = DelaySinceReference.Report(
      ssrc: 1, lastReference: NTPTime(asked).middle, delay: .init(.milliseconds(250)))
    let exchange = try #require(
      ClockExchange(
        echo: echo, reportedAt: NTPTime(HostTime(nanoseconds: 5_000_250_000_000)),
        received: asked + .milliseconds(270)))
    #expect(abs((exchange.asked - asked).inNanoseconds) < 8_000)
    #expect(abs((exchange.roundTrip - .milliseconds(20)).inNanoseconds) < 25_000)
    let nothing = DelaySinceReference.Report(ssrc: 1, lastReference: 0, delay: .init(units: 0))
    #expect(ClockExchange(echo: nothing, reportedAt: NTPTime(asked), received: asked) == nil)
  }

  @Test func anNTPTimeGoesBackAndForth() {
    for nanoseconds in [0, 1, 999_999_999, 1_000_000_000, 123_456_789_012_345, -5, -1_000_000_001]
      as [Int64]
    {
      let time = HostTime(nanoseconds: nanoseconds)
      #expect(abs((HostTime(NTPTime(time)) - time).inNanoseconds) <= 1)
    }
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func onOneComputerItIsRightWithin200Microseconds(seed: UInt64) {
    var world = Exchanges(
      generator: SeededGenerator(seed: seed), offset: 5_000, ppm: 0, jitter: 0.000_1)
    var clock = ServerClock()
    for second in 0..<120 {
      clock.insert(world.exchange(at: 100 + Double(second)))
      let error = world.error(of: clock, at: 100 + Double(second) + 1)
      #expect(abs(error) < 0.2, "seed \(seed), second \(second)")
    }
  }

  /// Within a minute's answers; and nearly always within ten.
  @Test(arguments: seeds)
  func with5MillisecondsOfJitterItIsRightWithin1(seed: UInt64) {
    var world = Exchanges(
      generator: SeededGenerator(seed: seed), offset: -90_000,
      ppm: Double(seed % 5) * 25 - 50, way: 0.002, jitter: 0.005)
    var clock = ServerClock()
    var above1 = 0
    for second in 0..<600 {
      clock.insert(world.exchange(at: 100 + Double(second)))
      let error = abs(world.error(of: clock, at: 101 + Double(second)))
      #expect(error < (second < 60 ? 2.6 : 1), "seed \(seed), second \(second)")
      if second >= 10, error > 1 { above1 += 1 }
    }
    #expect(above1 < 10, "seed \(seed)")
    #expect(abs(clock.driftPPM - world.ppm) < 15, "seed \(seed)")
    #expect((clock.uncertainty ?? .zero) < .milliseconds(1))
    #expect(abs((clock.roundTrip ?? .zero).inMilliseconds - 9) < 4)
  }

  /// Jitter that decays, to 80 ms on average, and not alike on both ways: the truth lies within what the clock
  /// says of itself.
  @Test(arguments: [(0.005, 0.005), (0.005, 0.08), (0.08, 0.005), (0.03, 0.03), (0.08, 0.08)])
  func whatItSaysOfItselfIsTrue(there: Double, back: Double) {
    let worlds = Int(seeds.upperBound) * 2
    var within = 0
    var judged = 0
    var errors: [Double] = []
    for seed in 1...UInt64(worlds) {
      var world = Exchanges(
        generator: SeededGenerator(seed: seed), offset: 700, ppm: Double(seed % 7) * 10 - 30,
        way: 0.000_05 + Double(seed % 5) * 0.002, decay: (there, back))
      var clock = ServerClock()
      for second in 0...150 {
        clock.insert(world.exchange(at: 100 + Double(second)))
        guard [0, 1, 3, 10, 30, 75, 150].contains(second) else { continue }
        let error = abs(world.error(of: clock, at: 101 + Double(second)))
        judged += 1
        if error <= clock.uncertainty?.inMilliseconds ?? 0 { within += 1 }
        if second == 150 { errors.append(error) }
      }
    }
    #expect(within * 100 >= judged * 99, "\(judged - within) of \(judged) are not")
    // And says something: an answer alone is off by half of its way there or back.
    let usual = errors.sorted()[worlds / 2]
    #expect(usual < 1, "\(usual) ms")
  }

  @Test func aClockThatIsSlewedIsFollowed() {
    // Time daemons mend a clock by changing its pace, here by 500 ppm for four seconds.
    var world = Exchanges(generator: SeededGenerator(seed: 6), offset: 7, ppm: 10, jitter: 0.000_1)
    var clock = ServerClock()
    var worst = 0.0
    for second in 0..<240 {
      if (120..<124).contains(second) { world.offset += 0.000_5 }
      clock.insert(world.exchange(at: 100 + Double(second)))
      if second > 134 { worst = max(worst, abs(world.error(of: clock, at: 101 + Double(second)))) }
    }
    #expect(worst < 0.2, "\(worst) ms")
    #expect((clock.uncertainty ?? .seconds(1)) < .milliseconds(0.2))
  }

  @Test(arguments: [60.0, -60, 0.02, -3])
  func aStepOfEitherClockIsFollowedWithinThreeAnswers(step: Double) {
    var world = Exchanges(
      generator: SeededGenerator(seed: 3), offset: 10, ppm: 20, way: 0.001, jitter: 0.003)
    var clock = ServerClock()
    for second in 10..<60 { clock.insert(world.exchange(at: Double(second))) }
    world.offset += step
    for second in 70..<73 { clock.insert(world.exchange(at: Double(second))) }
    #expect(clock.steps == 1)
    #expect(abs(world.error(of: clock, at: 74)) < 2.5)
    for second in 73..<100 { clock.insert(world.exchange(at: Double(second))) }
    #expect(clock.steps == 1)
    #expect(abs(world.error(of: clock, at: 100)) < 1)
  }

  @Test func oneLyingAnswerChangesNothing() {
    var world = Exchanges(generator: SeededGenerator(seed: 4), offset: 1, ppm: 0, jitter: 0.001)
    var clock = ServerClock()
    for second in 10..<30 { clock.insert(world.exchange(at: Double(second))) }
    var lie = world.exchange(at: 30)
    lie.served = lie.served + .seconds(7)
    lie.answered = lie.answered + .seconds(7)
    clock.insert(lie)
    var backwards = world.exchange(at: 31)
    backwards.received = backwards.asked - .seconds(1)
    clock.insert(backwards)
    #expect(abs(world.error(of: clock, at: 32)) < 0.6)
    #expect(clock.refused == 2)
    #expect(clock.steps == 0)
  }

  @Test func thereAndBackIsTheIdentity() throws {
    var world = Exchanges(generator: SeededGenerator(seed: 5), offset: 77, ppm: 80)
    var clock = ServerClock()
    for second in 10..<60 { clock.insert(world.exchange(at: Double(second))) }
    let local = HostTime(nanoseconds: 59_123_456_789)
    let server = try #require(clock.serverTime(at: local))
    let back = try #require(clock.localTime(of: server))
    #expect(abs((back - local).inNanoseconds) < 1_000)
  }
}
