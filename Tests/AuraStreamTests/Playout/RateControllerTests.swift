import AuraStream
import Testing

struct RateControllerTests {
  /// Sound made `ppm` faster than it is played, measured with an error of up to `noise` seconds.
  private func run(
    ppm: Double, seconds: Double, from error: Double = 0, noise: Double = 0,
    each: (_ time: Double, _ error: Double, _ speed: Double) -> Void
  ) {
    var generator = SeededGenerator(seed: 11)
    var controller = RateController()
    var error = error
    let step = 0.01
    for turn in 0..<Int(seconds / step) {
      let measured = error + Double.random(in: -1...1, using: &generator) * noise
      let speed = controller.update(error: measured, elapsed: step)
      error += (ppm / 1e6 - speed) * step
      each(Double(turn) * step, error, speed)
    }
  }

  @Test(arguments: [300.0, -300])
  func driftIsFoundWithoutHaste(ppm: Double) {
    var worst = 0.0
    var fastest = 0.0
    run(ppm: ppm, seconds: 400, noise: 0.000_2) { time, error, speed in
      worst = max(worst, abs(error))
      fastest = max(fastest, abs(speed))
      if time > 30 { #expect(abs(error) < 0.000_5, "after \(time) s") }
      if time > 300 { #expect(abs(error) < 0.000_05, "after \(time) s") }
    }
    #expect(worst < 0.001)
    #expect(fastest < 0.000_5)
  }

  @Test func aDayOfCardsThatWarmUp() {
    // Over 24 hours the drift wanders between 300 ppm either way; the error is told ten times a second.
    var generator = SeededGenerator(seed: 24)
    var controller = RateController()
    var error = 0.0
    var worst = 0.0
    for turn in 0..<864_000 {
      let phase = Double(turn % 72_000) / 36_000 - 1
      let drift = (abs(phase) * 2 - 1) * 0.000_3
      let noise = Double.random(in: -0.000_2...0.000_2, using: &generator)
      error += (drift - controller.update(error: error + noise, elapsed: 0.1)) * 0.1
      if turn > 300 { worst = max(worst, abs(error)) }
      if abs(controller.speed) > 0.000_5 { Issue.record("\(controller.speed) at \(turn)") }
    }
    #expect(worst < 0.000_3, "\(worst) s")
  }

  @Test func theLimitHoldsAndNothingWindsUp() {
    var overshoot = 0.0
    var steepest = 0.0
    var last = 0.0
    run(ppm: 0, seconds: 200, from: 0.09) { _, error, speed in
      #expect(abs(speed) <= RateController.largest)
      overshoot = min(overshoot, error)
      steepest = max(steepest, abs(speed - last))
      last = speed
    }
    #expect(overshoot > -0.001, "overshoots by \(overshoot) s")
    #expect(steepest <= 0.000_5 * 0.01 + 1e-12)
  }

  @Test func anErrorOfNinetyMillisecondsIsGoneInTwoMinutes() {
    run(ppm: 100, seconds: 150, from: -0.09) { time, error, _ in
      if time > 140 { #expect(abs(error) < 0.000_5) }
    }
  }

  @Test func driftIsTold() {
    var controller = RateController()
    var error = 0.0
    for _ in 0..<20_000 {
      controller.update(error: error, elapsed: 0.01)
      error += (0.000_25 - controller.speed) * 0.01
    }
    #expect(abs(controller.driftPPM - 250) < 1)
    controller.align()
    #expect(abs(controller.driftPPM - 250) < 1, "what is known of the clocks survives a jump")
  }
}
