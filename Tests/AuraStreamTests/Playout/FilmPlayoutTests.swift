import AuraStream
import Testing

/// A listener whose server's broadcast is in film mode, or changes to it.
struct FilmPlayoutTests {
  private typealias World = SimulatedPlayout.World

  private func film(
    _ milliseconds: Int, to last: Int? = nil, number: UInt8 = 1, isAtPause: Bool = false
  ) -> PresentationPlan {
    PresentationPlan(
      number: number, mode: .film, first: .milliseconds(milliseconds),
      last: last.map { .milliseconds($0) }, isAtPause: isAtPause)
  }

  private func live(number: UInt8 = 2, isAtPause: Bool = false) -> PresentationPlan {
    PresentationPlan(
      number: number, mode: .live, first: .milliseconds(250), isAtPause: isAtPause)
  }

  private func range(_ delays: [Double]) -> ClosedRange<Double> {
    (delays.min() ?? .nan)...(delays.max() ?? .nan)
  }

  @Test func whoJoinsHearsWithEveryoneFromTheFirst() {
    for seed in 1...3 as ClosedRange<UInt64> {
      var simulation = SimulatedPlayout(World(seed: seed, packetFrames: 960))
      simulation.plans = [(100, film(250))]
      simulation.run(until: 130)
      let delays = range(simulation.moments.after(103).delays)
      #expect(delays.lowerBound > 249.2 && delays.upperBound < 250.8, "\(delays)")
      #expect(simulation.conductor.counts.concealed == 0)
    }
  }

  @Test func tenPercentLossConcealsNothingAtThatDelay() {
    for seed in 1...4 as ClosedRange<UInt64> {
      var simulation = SimulatedPlayout(
        World(seed: seed, packetFrames: 960, loss: 0.1, jitter: 0.004))
      simulation.plans = [(100, film(250))]
      simulation.run(until: 165)
      #expect(simulation.conductor.counts.concealed == 0, "seed \(seed)")
      #expect(simulation.conductor.repairs.counts.useful > 200)
    }
  }

  @Test(arguments: [300.0, -300])
  func changingToFilmAndBackIsSoft(ppm: Double) {
    var simulation = SimulatedPlayout(
      World(capturePPM: ppm, outputPPM: -ppm / 2, clockPPM: 20))
    simulation.plans = [(130, film(250)), (160, live())]
    simulation.run(until: 200)
    let counts = simulation.conductor.counts
    #expect(counts.concealed == 0 && counts.jumps == 0 && counts.alignments == 1)
    let before = range(simulation.moments.filter { (120..<130).contains($0.time) }.delays)
    #expect(before.upperBound < 45, "\(before)")
    let film = range(simulation.moments.filter { (145..<160).contains($0.time) }.delays)
    #expect(film.lowerBound > 248 && film.upperBound < 252, "\(film)")
    let after = range(simulation.moments.after(180).delays)
    #expect(after.upperBound < 50, "\(after)")
    #expect(simulation.moments.fastest < PresentationPlan.glide + 0.001)
    for (one, next) in zip(simulation.moments, simulation.moments.dropFirst())
    where one.time > 120 {
      #expect(abs(next.delay - one.delay) < 0.003)
    }
  }

  @Test func everyoneMovesWithTheBroadcast() {
    var all: [[SimulatedPlayout.Moment]] = []
    for (way, jitter) in [(0.002, 0.001), (0.040, 0.020)] {
      var simulation = SimulatedPlayout(
        World(packetFrames: 960, way: way, jitter: jitter, outputPPM: 100 * way))
      simulation.plans = [(100, film(250)), (130, film(250, to: 400, number: 2))]
      simulation.run(until: 150)
      #expect(simulation.conductor.counts.concealed == 0)
      let counts = simulation.conductor.counts
      #expect(counts.alignments == 1 + counts.resettlements)
      all.append(simulation.moments)
    }
    for moments in all {
      // By what was captured when: the plan's own words.
      let farthest = moments.after(115).map { moment in
        let captured = moment.time - moment.delay
        return abs(1e3 * moment.delay - min(400, 250 + 20 * max(0, captured - 130)))
      }.max()
      #expect(farthest ?? .nan < 3)
    }
  }

  /// To film mode, to other delays and back while sound plays: what is heard has no hole, moves by 20 ms a
  /// second at most, and every listener begins to move at the same frame.
  @Test(arguments: [(0.002, 0.001), (0.040, 0.020)])
  func aSwitchLeavesNoHoleAndIsAtOneFrame(way: Double, jitter: Double) {
    let plans: [(at: Double, plan: PresentationPlan)] = [
      (112, film(250)), (125, film(250, to: 400, number: 2)), (134, film(400, to: 120, number: 3)),
      (150, live(number: 4)),
    ]
    var simulation = SimulatedPlayout(
      World(way: way, jitter: jitter, capturePPM: 100, outputPPM: -50))
    simulation.plans = plans
    simulation.run(until: 158)
    let moments = Array(simulation.moments.after(110))
    #expect(moments.longestGap < 100, "\(moments.longestGap)")
    #expect(moments.fastest < PresentationPlan.glide + 0.001)
    for plan in plans {
      // Nobody moves before the plan's own frame, give or take a packet and a thread's turn, and everyone
      // soon after it.
      let near = moments.filter { abs($0.captured - plan.at) < 1 }
      let first = near.first { abs($0.speed) > PresentationPlan.glide / 2 }
      let begin = first?.captured ?? .nan
      #expect(begin > plan.at - 0.03 && begin < plan.at + 0.1, "\(begin), \(plan.at)")
    }
  }

  /// At a pause the sound itself stands still; what is heard of it is whole.
  @Test func aStepLeavesOutNothingButThePause() {
    var simulation = SimulatedPlayout(World(packetFrames: 960))
    simulation.plans = [
      (100, film(250)), (115, film(600, number: 2, isAtPause: true)),
      (120, film(250, number: 3, isAtPause: true)),
    ]
    simulation.run(until: 124)
    let moments = simulation.moments.after(108)
    #expect(moments.filter { $0.captured > 115.05 && $0.captured < 119 }.longestGap < 1)
    #expect(moments.filter { $0.captured > 120.05 }.longestGap < 1)
    #expect(moments.longestGap < 350 + 40)
  }

  @Test(arguments: [(250, 900), (900, 250)])
  func inAPauseTheDelayChangesAtOnce(from: Int, to: Int) {
    var simulation = SimulatedPlayout(World(packetFrames: 960))
    simulation.plans = [(100, film(from)), (130, film(to, number: 2, isAtPause: true))]
    simulation.run(until: 140)
    let counts = simulation.conductor.counts
    #expect(counts.alignments == 2 && counts.jumps == 0 && counts.concealed == 0)
    for moment in simulation.moments.after(115) {
      let captured = moment.time - moment.delay
      // A shorter delay leaves out what lies before the pause's end; then all is as planned.
      let isOld = captured < 130 - 0.05
      let wanted = Double(isOld ? from : to)
      if abs(captured - 130) > 0.05 {
        #expect(abs(1e3 * moment.delay - wanted) < 2, "\(moment)")
      }
    }
    let last = simulation.moments.last?.time ?? 0
    #expect(last > 139)
  }

  /// Late, but heard; and with everyone as soon as the delay does.
  @Test func aHeadphoneThatNeedsMoreIsHeardAllTheSame() {
    var simulation = SimulatedPlayout(World(packetFrames: 960, outputDelay: 0.4))
    simulation.conductor.headphone = .milliseconds(390)
    simulation.plans = [(100, film(250)), (130, film(250, to: 600, number: 2))]
    simulation.run(until: 170)
    let late = range(simulation.moments.filter { (110..<130).contains($0.time) }.delays)
    #expect(late.lowerBound > 410 && late.upperBound < 500, "\(late)")
    let inStep = range(simulation.moments.after(155).delays)
    #expect(inStep.lowerBound > 598 && inStep.upperBound < 602, "\(inStep)")
    #expect(simulation.conductor.counts.concealed == 0)
    #expect(simulation.conductor.counts.jumps == 0)
  }

  @Test func backToLiveInAPauseIsAtOnce() {
    var simulation = SimulatedPlayout(World())
    simulation.plans = [(100, film(600)), (130, live(isAtPause: true))]
    simulation.run(until: 135)
    let after = range(simulation.moments.after(131.5).delays)
    #expect(after.upperBound < 60, "\(after)")
  }

  @Test func whatIsSaidHereComesFirst() {
    var simulation = SimulatedPlayout(World(), delay: .fixed(.milliseconds(120)))
    simulation.plans = [(100, film(250))]
    simulation.run(until: 130)
    let delays = range(simulation.moments.after(110).delays)
    #expect(delays.lowerBound > 119 && delays.upperBound < 121)
  }

  @Test func aServersRestartKeepsTheDelayUntilItSaysOtherwise() {
    var simulation = SimulatedPlayout(World(packetFrames: 960))
    simulation.plans = [(100, film(250))]
    simulation.restarts = [115]
    simulation.run(until: 140)
    let delays = range(simulation.moments.after(120).delays)
    #expect(delays.lowerBound > 249 && delays.upperBound < 251, "\(delays)")
  }
}
