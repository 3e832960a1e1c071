import AuraStream
import Testing

/// A sound card with its own idea of a second, whose blocks are reported with jitter.
private struct Card {
  var random: SeededGenerator
  /// Frames a block.
  var block = 1024
  /// How fast it runs, in parts per million.
  var drift = 0.0
  /// The most that a reported instant is off, either way, in nanoseconds.
  var jitter = 0.0
  var media: Int64 = 0
  var truth = 3e12

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  private func nanoseconds(_ frames: Int64) -> Double {
    Double(frames) * 1e9 / (48_000 * (1 + drift / 1e6))
  }

  /// Reports blocks for some seconds; calls `check` with the fit and the truth after each.
  mutating func run(
    _ fit: inout TimelineFit, seconds: Double,
    check: (TimelineFit, MediaTime, HostTime) -> Void = { _, _, _ in }
  ) {
    let end = media + Int64(seconds * 48_000)
    while media < end {
      media += Int64(block)
      truth += nanoseconds(Int64(block))
      let off = jitter == 0 ? 0 : Double.random(in: -jitter...jitter, using: &random)
      let here = MediaTime(frames: media)
      fit.update(media: here, at: HostTime(nanoseconds: Int64(truth + off)))
      check(fit, here, HostTime(nanoseconds: Int64(truth)))
    }
  }

  /// Nothing is reported for a while; media time goes on with the card.
  mutating func pause(seconds: Double) {
    let frames = Int64(seconds * 48_000)
    media += frames
    truth += nanoseconds(frames)
  }
}

extension TimelineFit {
  /// How far its line is off, in microseconds.
  fileprivate func error(_ media: MediaTime, _ truth: HostTime) -> Double {
    guard let instant = instant(of: media) else { return .infinity }
    return abs(Double((instant - truth).inNanoseconds)) / 1000
  }
}

@Suite struct TimelineFitTests {
  @Test func knowsNothingBeforeTheFirstInstant() {
    var fit = TimelineFit()
    #expect(fit.current == nil)
    #expect(fit.instant(of: MediaTime(frames: 0)) == nil)
    #expect(fit.mediaTime(at: HostTime(nanoseconds: 0)) == nil)
    #expect(fit.ratePPM == 0)
    fit.update(media: MediaTime(frames: 480), at: HostTime(nanoseconds: 100))
    #expect(fit.instant(of: MediaTime(frames: 480)) == HostTime(nanoseconds: 100))
    #expect(fit.mediaTime(at: HostTime(nanoseconds: 100)) == MediaTime(frames: 480))
  }

  @Test func aPerfectClockIsFollowedExactly() {
    var card = Card(seed: 1)
    var fit = TimelineFit()
    card.run(&fit, seconds: 60) { #expect($0.error($1, $2) < 0.01) }
    #expect(abs(fit.ratePPM) < 0.001)
  }

  @Test(arguments: [-300.0, -20, 20, 300], [64, 480, 2048])
  func findsTheRateThroughJitter(drift: Double, block: Int) {
    var card = Card(seed: 2)
    card.drift = drift
    card.block = block
    card.jitter = 1e6
    var fit = TimelineFit()
    card.run(&fit, seconds: 20)
    // A millisecond of jitter; a hundredth of a second of one clock a second off the other.
    card.run(&fit, seconds: 100) { #expect($0.error($1, $2) < 300) }
    #expect(!fit.isSettled || fit.jitter < .milliseconds(1))
    card.run(&fit, seconds: 180) { #expect($0.error($1, $2) < 120) }
    #expect(fit.isSettled)
    #expect(abs(fit.ratePPM - drift) < 5)
    #expect(fit.jitter > .microseconds(300) && fit.jitter < .microseconds(700))
  }

  @Test func staysSteadyForAnHourWhileTheRateWanders() {
    var card = Card(seed: 3)
    card.jitter = 2e6
    var fit = TimelineFit()
    card.run(&fit, seconds: 120)
    var worst = 0.0
    var bend = 0.0
    for minute in 0..<60 {
      // As a computer warms up: 20 ppm within the hour.
      card.drift = 100 + 20 * Double(minute) / 60
      let before = fit.ratePPM
      card.run(&fit, seconds: 60) { worst = max(worst, $0.error($1, $2)) }
      if minute > 5 { bend = max(bend, abs(fit.ratePPM - before)) }
    }
    #expect(worst < 1500)  // the step of 100 ppm at the beginning included
    #expect(bend < 10)
    #expect(abs(fit.ratePPM - card.drift) < 5)
    var late = 0.0
    card.run(&fit, seconds: 60) { late = max(late, $0.error($1, $2)) }
    #expect(late < 200)
  }

  @Test func oneLateBlockSaysNothing() {
    var card = Card(seed: 4)
    card.drift = 50
    card.jitter = 1e5
    var fit = TimelineFit()
    card.run(&fit, seconds: 150)
    for _ in 0..<10 {
      let before = fit.current
      card.media += 1024
      card.truth += 1024e9 / (48_000 * (1 + 50 / 1e6))
      fit.update(
        media: MediaTime(frames: card.media), at: HostTime(nanoseconds: Int64(card.truth + 2e7)))
      #expect(fit.current == before)
      card.run(&fit, seconds: 1) { #expect($0.error($1, $2) < 30) }
    }
  }

  @Test(arguments: [25e6, -25e6, 5e6, -400e6])
  func aStepIsTakenWithinASecondAndTheRateKept(step: Double) {
    var card = Card(seed: 5)
    card.drift = -80
    card.jitter = 5e5
    var fit = TimelineFit()
    card.run(&fit, seconds: 200)
    card.truth += step
    card.run(&fit, seconds: 1)
    card.run(&fit, seconds: 60) {
      #expect($0.error($1, $2) < 200)
      #expect(abs($0.ratePPM + 80) < 50)
    }
  }

  @Test(arguments: [(1.9e6, 5e5), (-4e6, 1e6), (30e6, 6e6)])
  func aStepThatHidesInTheJitterIsTakenWithinFourSeconds(step: Double, jitter: Double) {
    var card = Card(seed: 10)
    card.drift = 60
    card.jitter = jitter
    var fit = TimelineFit()
    card.run(&fit, seconds: 200)
    card.truth += step
    card.run(&fit, seconds: 4)
    card.run(&fit, seconds: 60) { #expect($0.error($1, $2) < jitter / 1000 / 3) }
  }

  @Test(arguments: [0.5, 5, 60, 1800])
  func aGapLeavesTheLineWhereItWas(seconds: Double) {
    var card = Card(seed: 6)
    card.drift = 200
    card.jitter = 5e5
    var fit = TimelineFit()
    card.run(&fit, seconds: 300)
    card.pause(seconds: seconds)
    // Half an hour at the rate's own error of a few ppm, then at once in place again.
    card.run(&fit, seconds: 1)
    card.run(&fit, seconds: 10) { #expect($0.error($1, $2) < 1500) }
    card.run(&fit, seconds: 30) { #expect($0.error($1, $2) < 300) }
  }

  @Test func coarseInstantsOfABusyServerStillGiveALine() {
    var card = Card(seed: 7)
    card.drift = -150
    card.jitter = 15e6
    card.block = 2400
    var fit = TimelineFit()
    card.run(&fit, seconds: 200)
    card.run(&fit, seconds: 600) { #expect($0.error($1, $2) < 2500) }
    #expect(abs(fit.ratePPM + 150) < 60)
  }

  @Test func framesThatDoNotAdvanceAreLeftOut() {
    var card = Card(seed: 8)
    var fit = TimelineFit()
    card.run(&fit, seconds: 2)
    let before = fit.current
    fit.update(media: MediaTime(frames: card.media), at: HostTime(nanoseconds: 1))
    fit.update(media: MediaTime(frames: 3), at: HostTime(nanoseconds: 1))
    #expect(fit.current == before)
  }

  @Test func bothDirectionsAgree() {
    var card = Card(seed: 9)
    card.drift = 123
    card.jitter = 1e6
    var fit = TimelineFit()
    card.run(&fit, seconds: 30)
    for away in [-48_000 * 60, -1, 0, 1, 48_000 * 60] {
      let time = MediaTime(frames: card.media) + away
      #expect(fit.instant(of: time).flatMap { fit.mediaTime(at: $0) } == time)
    }
  }
}
