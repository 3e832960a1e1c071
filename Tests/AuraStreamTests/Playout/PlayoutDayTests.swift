import AuraStream
import Foundation
import Testing

/// Accident upon accident, between cards that drift apart: half an hour, a whole day with AURALYNC_HOURS=24.
struct PlayoutDayTests {
  private static let hours =
    Double(ProcessInfo.processInfo.environment["AURALYNC_HOURS"] ?? "") ?? 0.5
  /// From one accident to the next, and how long after one everything must be as before, in seconds.
  private static let interval = 100.0
  private static let settling = 40.0

  /// What was heard where nothing had happened for a while.
  private struct Judge {
    let said: Double
    var worst = 0.0
    var fastest = 0.0
    var heard = 0

    mutating func take(_ moments: [SimulatedPlayout.Moment]) {
      for moment in moments {
        fastest = max(fastest, abs(moment.speed))
        let age = (moment.time - 100).truncatingRemainder(dividingBy: PlayoutDayTests.interval)
        guard age > PlayoutDayTests.settling else { continue }
        heard += 1
        worst = max(worst, abs(moment.delay * 1e3 - said))
      }
    }
  }

  @Test(arguments: [300.0, -300])
  func everyAccidentIsOverInSeconds(ppm: Double) {
    var simulation = SimulatedPlayout(
      .init(
        seed: 17, packetFrames: 960, loss: 0.01, jitter: 0.005, capturePPM: ppm / 2,
        outputPPM: -ppm / 2, clockPPM: 20, request: 1_024),
      delay: .fixed(.milliseconds(150)))
    let end = 100 + Self.hours * 3_600
    let times = Array(stride(from: 200, to: end - Self.settling, by: Self.interval))
    for (number, time) in times.enumerated() {
      switch number % 5 {
      case 0: simulation.restarts.append(time)
      case 1: simulation.stalls.append(time..<time + 0.2)
      case 2: simulation.pauses.append(time..<time + 3)
      case 3: simulation.blackouts.append(time..<time + 2)
      default: simulation.freezes.append(time..<time + 0.4)
      }
    }
    var judge = Judge(said: 150)
    simulation.run(until: end) { simulation in
      judge.take(simulation.moments)
      simulation.moments.removeAll(keepingCapacity: true)
    }
    let counts = simulation.conductor.counts
    let kinds = (0..<5).map { kind in times.indices.count { $0 % 5 == kind } }
    // What the server's clock may be off by with 5 ms of jitter.
    #expect(judge.worst < 1, "\(judge.worst) ms off, \(ppm) ppm")
    #expect(judge.fastest <= RateController.largest)
    #expect(Double(judge.heard) > 0.55 * 50 * (end - 100), "sound all the time")
    #expect(counts.streams == 1 + kinds[0])
    #expect(counts.underruns >= kinds[1])
    #expect(counts.jumps <= kinds[3] + kinds[4], "sound is moved where it was away")
    #expect(simulation.conductor.buffer.count < 40)
  }
}
