import AuraStream
import Testing

/// A network that turns bad while somebody listens, and stays so.
struct SpoiltWireTests {
  /// The adaptive delay grows to what a normally distributed jitter needs, for all that a packet may then
  /// be later than a freeze would have to be to be let pass.
  @Test(arguments: [0.005, 0.03, 0.08], 1...2 as ClosedRange<UInt64>)
  func findsItsDelayInSeconds(deviation: Double, seed: UInt64) {
    var world = SimulatedPlayout.World()
    world.seed = seed
    var simulation = SimulatedPlayout(world)
    simulation.spoilt = (110, 2 * deviation, deviation)
    simulation.run(until: 120)
    let before = simulation.conductor.counts
    simulation.run(until: 145)
    let after = simulation.conductor.counts
    let gone = after.concealed + after.silent - before.concealed - before.silent
    #expect(Double(gone) / (25 * 48_000) < 0.01, "\(gone) frames were not there, seed \(seed)")
    #expect(after.jumps == 0)
    // What one packet in some ten thousand needs, the round trip of a request, and what the chain keeps.
    let most = (2 + 4.5) * deviation * 1e3 + 60
    let farthest = simulation.moments.last.map { $0.delay * 1e3 } ?? 0
    #expect(farthest < most, "\(farthest) ms, seed \(seed)")
  }

  /// A delay is not made deeper for what is gone after a moment.
  @Test(arguments: 1...2 as ClosedRange<UInt64>)
  func twoFreezesAreNotJitter(seed: UInt64) {
    var world = SimulatedPlayout.World()
    world.seed = seed
    world.jitter = 0.003
    var simulation = SimulatedPlayout(world)
    simulation.freezes = [110..<110.4, 116..<116.4]
    simulation.run(until: 109)
    let before = simulation.moments.last?.delay ?? 0
    simulation.run(until: 130)
    let after = simulation.moments.last?.delay ?? 0
    #expect(after < before + 0.04, "\(before) s, then \(after), seed \(seed)")
  }
}
