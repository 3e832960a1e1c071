import AuraStream
import Foundation
import Testing

/// How many seeds each simulation is run with; more by AURALYNC_SEEDS.
private let seeds =
  1...max(2, UInt64(ProcessInfo.processInfo.environment["AURALYNC_SEEDS"] ?? "") ?? 2)

struct PlayoutConductorTests {
  private typealias World = SimulatedPlayout.World

  /// The largest and smallest of some delays, in milliseconds.
  private func range(_ delays: [Double]) -> ClosedRange<Double> {
    (delays.min() ?? .nan)...(delays.max() ?? .nan)
  }

  @Test func onAQuietNetworkTheDelayIsSmallAndNothingIsMadeUp() {
    var simulation = SimulatedPlayout(World())
    simulation.run(until: 200)
    let conductor = simulation.conductor
    #expect(conductor.counts.concealed == 0)
    #expect(conductor.counts.jumps == 0)
    #expect(conductor.counts.underruns == 0)
    #expect(conductor.counts.alignments == 1)
    #expect(conductor.isExact)
    // A packet, the network, a request, the output, and some milliseconds of care.
    let delays = range(simulation.moments.after(160).delays)
    #expect(delays.upperBound < 37, "\(delays)")
    #expect(simulation.moments.fastest <= RateController.largest)
  }

  @Test(arguments: [40, 120, 500], [300.0, -300])
  func whatIsSaidIsKept(milliseconds: Int, ppm: Double) {
    for seed in seeds {
      var simulation = SimulatedPlayout(
        World(seed: seed, capturePPM: ppm, outputPPM: -ppm / 2, clockPPM: 20),
        delay: .fixed(.milliseconds(milliseconds)))
      simulation.run(until: 420)
      let said = Double(milliseconds)
      let after30 = range(simulation.moments.after(133).delays)
      // With 2 ms of jitter either way; PlayoutRunTests has what a wired network leaves.
      #expect(
        after30.lowerBound > said - 0.8 && after30.upperBound < said + 0.8,
        "\(after30), seed \(seed)")
      let after300 = range(simulation.moments.after(403).delays)
      #expect(
        after300.lowerBound > said - 0.1 && after300.upperBound < said + 0.1,
        "\(after300), seed \(seed)")
      #expect(simulation.conductor.counts.concealed == 0, "seed \(seed)")
      #expect(simulation.moments.after(115).fastest < 0.000_8)
    }
  }

  /// The output's first word of its delay and the server's first answer may be wrong by 20 ms and more:
  /// a few seconds later nothing of it is left, and nothing is spliced after that.
  @Test(arguments: [-0.025, 0.012, 0.06], [0.02, 0.4, 3])
  func whatWasWrongAtTheStartIsGoneInSeconds(off: Double, seconds: Double) {
    for seed in seeds {
      for mode in [PlayoutDelay.usual, .fixed(.milliseconds(150))] {
        var simulation = SimulatedPlayout(
          World(seed: seed, outputPPM: 80, wobble: 0.001, firstWord: (off, seconds)), delay: mode)
        simulation.run(until: 108)
        let early = simulation.conductor.counts
        #expect(early.resettlements <= 3, "seed \(seed)")
        simulation.run(until: 120)
        let counts = simulation.conductor.counts
        #expect(counts.jumps == 0)
        #expect(counts.resettlements == early.resettlements, "seed \(seed)")
        guard mode.isFixed else { continue }
        let delays = range(simulation.moments.after(108).delays)
        #expect(delays.lowerBound > 147 && delays.upperBound < 153, "\(delays), seed \(seed)")
      }
    }
  }

  @Test(arguments: [0.02, 0.06, 0.15])
  func aFirstAnswerThatWasHeldUpIsMendedByTheNext(late: Double) {
    for seed in seeds {
      var simulation = SimulatedPlayout(
        World(seed: seed, firstAnswerLate: late), delay: .fixed(.milliseconds(150)))
      simulation.run(until: 115)
      #expect(simulation.conductor.counts.jumps == 0)
      let delays = range(simulation.moments.after(107).delays)
      #expect(delays.lowerBound > 147 && delays.upperBound < 153, "\(delays), seed \(seed)")
    }
  }

  @Test func tenPercentLossWithRepairConcealsNothing() {
    for seed in 9...(8 + 3 * seeds.upperBound) {
      var simulation = SimulatedPlayout(
        World(seed: seed, loss: 0.1, way: 0.002, jitter: 0.001),
        delay: .fixed(.milliseconds(150)))
      simulation.run(until: 160)
      let conductor = simulation.conductor
      #expect(conductor.counts.concealed == 0, "seed \(seed)")
      #expect(conductor.repairs.counts.useful > 400)
      #expect(conductor.repairs.counts.needless < 20)
    }
  }

  @Test(arguments: [0.01, 0.05, 0.1, 0.3])
  func withoutRepairWhatIsLostIsMadeUpAndNoMore(loss: Double) {
    for burst in [1.0, 3] {
      var simulation = SimulatedPlayout(
        World(seed: 5, loss: loss, burst: burst, repairs: false),
        delay: .fixed(.milliseconds(100)))
      simulation.run(until: 220)
      let counts = simulation.conductor.counts
      let gone = Double(counts.concealed + counts.silent) / Double(120 * 48_000)
      #expect(abs(gone - loss) < 0.35 * loss, "\(gone) of \(loss)")
      #expect(simulation.conductor.repairs.counts.requests == 0)
      let delays = range(simulation.moments.after(130).delays)
      #expect(delays.lowerBound > 99.3 && delays.upperBound < 100.7)
    }
  }

  @Test(arguments: [1, 2])
  func redundancyFillsGapsBeforeTheyArePlayed(older: Int) {
    var simulation = SimulatedPlayout(
      World(seed: 6, loss: 0.05, repairs: false, redundancy: older),
      delay: .fixed(.milliseconds(100)))
    simulation.run(until: 220)
    let counts = simulation.conductor.counts
    let gone = Double(counts.concealed + counts.silent) / Double(120 * 48_000)
    #expect(gone < (older == 1 ? 0.005 : 0.000_5), "\(gone)")
    #expect(simulation.conductor.buffer.counts.redundant > 400)
  }

  @Test(arguments: [0.005, 0.030, 0.060])
  func theDelayFollowsTheJitter(jitter: Double) {
    for seed in seeds {
      for reorders in [false, true] {
        var simulation = SimulatedPlayout(
          World(seed: seed, jitter: jitter, reorders: reorders, duplicates: 0.02))
        simulation.run(until: 350)
        let at300 = simulation.conductor.counts
        let delays = range(simulation.moments.after(300).delays)
        let bound = 41.4 + jitter * 1e3
        #expect(delays.upperBound < bound, "\(delays) at \(jitter), seed \(seed)")
        // Once it has found its place, hardly anything comes too late.
        let lost = Double(at300.concealed + at300.silent) / Double(250 * 48_000)
        #expect(lost < 0.005, "\(lost), seed \(seed)")
        #expect(simulation.conductor.counts.jumps == 0)
        #expect(simulation.moments.fastest <= RateController.largest)
      }
    }
  }

  /// All that a network does, at once: 100 ms of jitter, a third lost in bursts, copies, no order.
  @Test func theWorstNetworkIsPlayedWithoutJumps() {
    for seed in seeds {
      for mode in [PlayoutDelay.usual, .fixed(.milliseconds(400))] {
        var simulation = SimulatedPlayout(
          World(
            seed: seed, loss: 0.3, burst: 2, way: 0.01, jitter: 0.1, reorders: true,
            duplicates: 0.05, capturePPM: 300, outputPPM: -150),
          delay: mode)
        simulation.run(until: 300)
        let counts = simulation.conductor.counts
        #expect(counts.jumps == 0, "seed \(seed)")
        #expect(counts.underruns == 0)
        #expect(simulation.moments.fastest <= RateController.largest)
        let gone = Double(counts.concealed + counts.silent) / Double(200 * 48_000)
        #expect(gone < (mode.isFixed ? 0.2 : 0.3), "\(gone), seed \(seed)")
        #expect(simulation.conductor.buffer.count < 200)
      }
    }
  }

  @Test func whereNothingIsLostHardlyAnythingIsAskedFor() {
    var simulation = SimulatedPlayout(
      World(seed: 3, jitter: 0.030, reorders: true), delay: .fixed(.milliseconds(150)))
    simulation.run(until: 200)
    #expect(simulation.conductor.repairs.reorderDepth >= 2)
    #expect(simulation.requested < 60, "\(simulation.requested) of 10,000")
    #expect(simulation.conductor.counts.concealed == 0)
  }

  /// A person says that the output is heard 50 ms before it says so: sound need not be made earlier for that.
  @Test func anOutputThatTellsTooMuchCostsNothing() {
    let delays = [0.010, -0.040].map { output in
      var simulation = SimulatedPlayout(World(way: 0.060, outputDelay: output))
      simulation.run(until: 160)
      #expect(simulation.conductor.counts.concealed == 0)
      #expect(simulation.conductor.output.delay >= .zero)
      return simulation.moments.after(150).delays.max() ?? .nan
    }
    #expect(abs(delays[0] - delays[1] - 50) < 6, "\(delays)")
  }

  @Test func aForeignServerIsPlayedToo() {
    var simulation = SimulatedPlayout(
      World(seed: 4, jitter: 0.010, capturePPM: 200, tellsClock: false))
    simulation.run(until: 400)
    #expect(!simulation.conductor.isExact)
    #expect(simulation.conductor.counts.jumps == 0)
    let delays = range(simulation.moments.after(300).delays)
    #expect(delays.lowerBound > 22 && delays.upperBound < 60, "\(delays)")
    #expect(simulation.conductor.counts.concealed < 48_000)
  }

  @Test func aDelayThatWasSaidIsUsedOfAForeignServerAsFarAsCanBe() {
    var simulation = SimulatedPlayout(
      World(tellsClock: false), delay: .fixed(.milliseconds(200)))
    simulation.run(until: 110)
    #expect(!simulation.conductor.isExact)
    #expect(simulation.moments.count > 600, "it plays all the same")
  }

  @Test(arguments: [true, false])
  func aFrozenNetworkIsSilenceAndThenAllIsAsBefore(isLost: Bool) {
    for mode in [PlayoutDelay.usual, .fixed(.milliseconds(100))] {
      var simulation = SimulatedPlayout(World(seed: 8), delay: mode)
      if isLost { simulation.blackouts = [150..<153] } else { simulation.freezes = [150..<153] }
      simulation.run(until: 150)
      let before = simulation.moments.last?.delay ?? 0
      simulation.run(until: 153.5)
      #expect((simulation.moments.last?.time ?? 0) > 153.4, "sound is back within half a second")
      simulation.run(until: 200)
      let counts = simulation.conductor.counts
      #expect(counts.jumps <= 1)
      #expect(counts.concealed < 12_000, "what lasts is silence")
      #expect(counts.silent > 96_000 && counts.silent < 192_000)
      let after = simulation.moments.last?.delay ?? 0
      #expect(abs(after - before) < 0.015, "\(before) \(after)")
    }
  }

  @Test func aServerThatStartsAnewIsHeardAtOnce() {
    for mode in [PlayoutDelay.usual, .fixed(.milliseconds(100))] {
      var simulation = SimulatedPlayout(World(seed: 9), delay: mode)
      simulation.restarts = [150]
      simulation.run(until: 151.6)
      #expect(simulation.conductor.counts.streams == 2)
      #expect((simulation.moments.last?.time ?? 0) > 151.5)
      simulation.run(until: 200)
      if mode.isFixed {
        let delays = range(simulation.moments.after(160).delays)
        #expect(delays.lowerBound > 99.5 && delays.upperBound < 100.5, "\(delays)")
      }
      #expect(simulation.conductor.counts.jumps == 0)
    }
  }

  @Test(arguments: [3.0, 60, -3, -60])
  func aComputerThatSleptIsBackSoon(seconds: Double) {
    for mode in [PlayoutDelay.usual, .fixed(.milliseconds(100))] {
      for seed in seeds {
        var simulation = SimulatedPlayout(World(seed: seed), delay: mode)
        simulation.sleep = (150, seconds)
        let awake = 150 + max(0, seconds)
        simulation.run(until: awake + 1)
        let last = simulation.moments.last?.time ?? 0
        #expect(last > awake + 0.95, "sound is back within a second")
        simulation.run(until: awake + 20)
        let counts = simulation.conductor.counts
        #expect(counts.jumps <= 1)
        #expect(counts.alignments <= 4)
        #expect(simulation.conductor.isExact)
        if mode.isFixed {
          let delays = range(simulation.moments.after(awake + 6).delays)
          #expect(delays.lowerBound > 98.5 && delays.upperBound < 101.5, "\(delays)")
        }
      }
    }
  }

  @Test func anOutputThatRunsDryIsAlignedAgain() {
    var simulation = SimulatedPlayout(World(seed: 10), delay: .fixed(.milliseconds(100)))
    simulation.stalls = [150..<150.08]
    simulation.run(until: 149)
    #expect(simulation.conductor.counts.underruns == 0)
    simulation.run(until: 151)
    #expect(simulation.conductor.counts.underruns == 1)
    let delays = range(simulation.moments.after(150.1).delays)
    #expect(delays.lowerBound > 99 && delays.upperBound < 101, "\(delays)")
    #expect(simulation.conductor.counts.jumps == 0)
  }

  /// What is kept ready for the next time is forgotten in a minute: hiccups do not add up for good.
  @Test func whatADryOutputAddsIsForgotten() {
    var simulation = SimulatedPlayout(World(seed: 10), delay: .fixed(.milliseconds(100)))
    simulation.stalls = [150..<150.08]
    func ready(at time: Double) -> Double {
      simulation.run(until: time)
      return simulation.conductor.pipeline.inMilliseconds
    }
    let before = ready(at: 149)
    let after = [ready(at: 152), ready(at: 181), ready(at: 215)].map { $0 - before }
    #expect(simulation.conductor.counts.underruns == 1)
    #expect(after[0] > 1.5 && after[0] < 2.5, "\(after)")
    #expect(after[1] > 0.5 && after[1] < 1.5, "\(after)")
    #expect(abs(after[2]) < 0.4, "\(after)")
  }

  @Test func anOutputThatStopsIsWaitedFor() {
    var simulation = SimulatedPlayout(World(seed: 11), delay: .fixed(.milliseconds(100)))
    simulation.pauses = [150..<160]
    simulation.run(until: 162)
    let count = simulation.moments.filter { $0.time > 150.3 && $0.time < 160 }.count
    #expect(count == 0)
    let delays = range(simulation.moments.after(161).delays)
    #expect(delays.lowerBound > 98.5 && delays.upperBound < 101.5, "\(delays)")
  }

  @Test func anotherWayThroughTheNetworkMovesAnAdaptiveDelayOnly() {
    for mode in [PlayoutDelay.usual, .fixed(.milliseconds(150))] {
      var simulation = SimulatedPlayout(World(seed: 12), delay: mode)
      simulation.detour = (150..<300, 0.05)
      simulation.run(until: 290)
      let there = simulation.moments.last?.delay ?? 0
      #expect(simulation.conductor.counts.jumps == 0)
      if mode.isFixed {
        #expect(abs(there - 0.15) < 0.001)
        #expect(simulation.conductor.counts.concealed == 0)
      } else {
        #expect(there > 0.075 && there < 0.1, "\(there)")
        #expect(simulation.conductor.counts.concealed < 48_000)
      }
      simulation.run(until: 480)
      let back = simulation.moments.last?.delay ?? 0
      #expect(mode.isFixed || back < 0.045, "\(back)")
    }
  }

  /// A way that is much longer, and jitter that the first packets did not show: nobody waits for minutes.
  @Test(arguments: [(detour: 0.2, jitter: 0.002), (0, 0.1)])
  func aDelayThatIsFarTooShortGrowsInSeconds(detour: Double, jitter: Double) {
    for seed in seeds {
      for reorders in [false, true] {
        var simulation = SimulatedPlayout(
          World(
            seed: seed, packetFrames: 240, repairs: false, jitter: jitter, reorders: reorders))
        simulation.detour = (130..<1_000, detour)
        simulation.run(until: 140)
        let before = simulation.conductor.counts
        simulation.run(until: 180)
        let counts = simulation.conductor.counts
        let gone = counts.concealed + counts.silent - before.concealed - before.silent
        #expect(gone < 40 * 480, "\(gone) frames of 40 s, seed \(seed)")
        #expect(counts.jumps == 0, "seed \(seed)")
      }
    }
  }

  /// A quarter of an hour; hours with more seeds.
  @Test(arguments: [300.0, -300])
  func hoursOfDriftLeaveNothingBehind(ppm: Double) {
    let minutes = 7.5 * Double(seeds.upperBound)
    var simulation = SimulatedPlayout(
      World(
        seed: 13, packetFrames: 960, loss: 0.01, jitter: 0.005, capturePPM: ppm, outputPPM: -ppm,
        clockPPM: -30, request: 1024),
      delay: .fixed(.milliseconds(150)))
    var worst = (delays: 150.0...150.0, speed: 0.0)
    func judge(_ moments: [SimulatedPlayout.Moment]) {
      let delays = range(moments.after(160).delays)
      worst.delays =
        min(
          worst.delays.lowerBound, delays.lowerBound)...max(
          worst.delays.upperBound, delays.upperBound)
      worst.speed = max(worst.speed, moments.fastest)
    }
    simulation.run(until: 100 + minutes * 60) { simulation in
      // All of it is judged; not all of it can be kept.
      guard simulation.moments.count > 100_000 else { return }
      judge(simulation.moments)
      simulation.moments.removeFirst(50_000)
    }
    judge(simulation.moments)
    #expect(worst.delays.lowerBound > 149.2 && worst.delays.upperBound < 150.8, "\(worst.delays)")
    #expect(worst.speed < 0.000_9)
    #expect(simulation.conductor.counts.jumps == 0)
    #expect(simulation.conductor.counts.concealed == 0)
    #expect(simulation.conductor.counts.alignments == 1)
    #expect(simulation.conductor.buffer.count < 20)
  }
}

extension PlayoutDelay.Mode {
  fileprivate var isFixed: Bool { if case .fixed = self { true } else { false } }
}
