internal import AuraStream

extension Target {
  /// Clocks, drift, speed and delay, each on its own, whatever instants they are told.
  static let clocks = Target(
    name: "clocks", executions: 10_000, longest: 300,
    run: { bytes in
      var program = ByteProgram(bytes)
      var run = ClockRun(&program)
      while !program.isAtEnd { run.step(&program) }
    },
    seeds: {
      let true_: [UInt8] = (0..<12).flatMap { _ in [0, 3, 20, 30, 2] as [UInt8] }
      let wild: [UInt8] =
        [1, 0x7f] + [UInt8](repeating: 0xff, count: 7) + [1, 0x80] + [UInt8](repeating: 0, count: 7)
      return [
        [0] + true_, [0] + true_ + [2, 0, 0, 0, 1] + true_ + wild,
        [1] + (0..<12).flatMap { _ in [4, 3, 20, 30] as [UInt8] } + [5, 9, 1] + wild,
      ]
    })
}

private struct ClockRun {
  private var drift = DriftEstimator(capacity: 8, expectedPPM: 30)
  private var server = ServerClock()
  private var sender = SenderTimeline()
  private var output = OutputClock()
  private var rate = RateController()
  private var delay: PlayoutDelay
  private var now = HostTime(nanoseconds: 1_000_000_000)
  /// The server's clock less ours, in nanoseconds.
  private var offset: Int64 = 0
  private var frames = 0
  private var hasSeenWild = false
  private static let bounds = Duration.milliseconds(20) ... .seconds(1)

  init(_ program: inout ByteProgram) {
    delay = PlayoutDelay(
      program.byte() & 1 == 0 ? .adaptive(Self.bounds) : .fixed(.milliseconds(120)))
  }

  mutating func step(_ program: inout ByteProgram) {
    switch program.byte() & 7 {
    case 1: exchangeWild(&program)
    case 2: offset = Int64(Int32(bitPattern: program.uint32())) << 20
    case 3: insertWild(&program)
    case 4: steer(&program)
    case 5: moveDelay(&program)
    case 6: report(&program)
    case 7: sender.insert(media: MediaTime(frames: Int64(frames)), at: now + .nanoseconds(offset))
    default: exchange(&program)
    }
    judge()
  }

  private func judge() {
    check(abs(server.driftPPM) <= DriftEstimator.steepest * 1e6, "clocks part within 0.1 %")
    check(abs(sender.ratePPM) <= DriftEstimator.steepest * 1e6, "clocks part within 0.1 %")
    check(
      server.isKnown == (server.serverTime(at: now) != nil), "a clock that is known can be read")
    if !hasSeenWild, let told = server.serverTime(at: now), let back = server.localTime(of: told) {
      // The line is read at two places: a thousandth of a thousandth of its age is between them.
      check(
        back - now <= .milliseconds(1) && now - back <= .milliseconds(1), "there and back again")
    }
    check(abs(rate.speed) <= RateController.largest, "no pitch is changed audibly")
    check(rate.driftPPM.isFinite, "a drift is a number")
    check(output.ratePPM.isFinite && output.delay >= .zero, "an output has a rate and a delay")
  }

  /// Time that passes, the way there, and back, in eighths of a millisecond.
  private mutating func exchange(_ program: inout ByteProgram) {
    now = now + .milliseconds(Int64(program.byte()) * 16)
    let there = Duration.microseconds(Int64(program.byte()) * 125)
    let back = Duration.microseconds(Int64(program.byte()) * 125)
    let served = now + there + .nanoseconds(offset)
    let answered = served + .milliseconds(Int64(program.byte()))
    let exchange = ClockExchange(
      asked: now, served: served, answered: answered,
      received: answered - .nanoseconds(offset) + back)
    now = exchange.received
    server.insert(exchange)
  }

  /// Any four instants, the last two or all of them like those before.
  private mutating func exchangeWild(_ program: inout ByteProgram) {
    hasSeenWild = true
    let (first, second) = (wild(&program), wild(&program))
    server.insert(.init(asked: now, served: first, answered: first, received: now))
    server.insert(.init(asked: first, served: second, answered: second, received: first))
    server.insert(.init(asked: first, served: first, answered: second, received: second))
    let echo = DelaySinceReference.Report(
      ssrc: 1, lastReference: program.uint32(), delay: NTPShortDuration(units: program.uint32()))
    if let exchange = ClockExchange(echo: echo, reportedAt: NTPTime(first), received: second) {
      server.insert(exchange)
    }
    _ = (server.offset, server.uncertainty, server.roundTrip, server.shortestRoundTrip)
    _ = (server.serverTime(at: second), server.localTime(of: first))
  }

  private func wild(_ program: inout ByteProgram) -> HostTime {
    HostTime(
      nanoseconds: Int64(bitPattern: UInt64(program.uint32()) << 32 | UInt64(program.uint32())))
  }

  private mutating func insertWild(_ program: inout ByteProgram) {
    let time = wild(&program).nanoseconds
    drift.insert(
      .init(
        time: time, difference: wild(&program).nanoseconds,
        deviation: 1 + Double(program.uint32())))
    guard let line = drift.line else { return check(false, "points have a line") }
    check(
      line.slope.isFinite && abs(line.slope) <= DriftEstimator.steepest, "clocks part within 0.1 %")
    check(line.deviation.isFinite && line.deviation >= 0, "a deviation is a number")
    _ = (line.difference(at: .min), line.difference(at: .max), line.difference(at: time))
    check(drift.count <= 8, "points are bounded")
  }

  /// How long since the last time, and the error, which may be that of a clock that has stepped.
  private mutating func steer(_ program: inout ByteProgram) {
    let elapsed = Double(program.byte()) / 100
    let scale = program.byte() & 1 == 0 ? 1e-5 : 1e5
    let error = Double(Int16(bitPattern: program.uint16())) * scale
    let before = rate.speed
    rate.update(error: error, elapsed: elapsed)
    check(abs(rate.speed - before) <= 0.000_5 * elapsed + 1e-12, "a speed changes slowly")
    if program.byte() & 7 == 0 { rate.align() }
  }

  private mutating func moveDelay(_ program: inout ByteProgram) {
    let kind = program.byte()
    let number = Int64(Int16(bitPattern: program.uint16()))
    let some = kind & 0x80 == 0 ? Duration.milliseconds(number) : .nanoseconds(number << 48)
    let before = delay.following
    switch kind & 7 {
    case 1: delay.update(pipeline: .milliseconds(20), elapsed: Double(program.byte()) / 100)
    case 2: _ = delay.grow(by: some)
    case 3: _ = delay.grow(by: some, pipeline: .milliseconds(20))
    case 4: _ = delay.catchUp(lateness: some, pipeline: .milliseconds(20))
    case 5: delay.shift(by: some)
    case 6: delay.follow(some)
    case 7: delay.reset()
    default:
      now = now + .milliseconds(Int64(program.byte()))
      delay.note(lateness: some, now: now)
    }
    if (1...4).contains(kind & 7) { judgeDelay(from: before) }
    _ = (delay.worstArrival, delay.needed(pipeline: some))
  }

  /// What moves the delay brings nothing out of its bounds; what is out of them was put there.
  private func judgeDelay(from before: Duration?) {
    guard let after = delay.following, case .adaptive = delay.mode else { return }
    let bounds = Self.bounds
    guard let before else { return check(bounds.contains(after), "a delay begins in its bounds") }
    // A number of seconds that stands for centuries has steps of two microseconds.
    let step = Duration.microseconds(4)
    check(
      after >= min(before, bounds.lowerBound) - step
        && after <= max(before, bounds.upperBound) + step, "a delay has its bounds")
  }

  /// An output asks, at any time, and says any delay.
  private mutating func report(_ program: inout ByteProgram) {
    now = now + .milliseconds(Int64(program.byte()))
    let asked = 1 + Int(program.byte()) * 8
    let delay = Duration.milliseconds(Int64(Int16(bitPattern: program.uint16())))
    output.insert(
      OutputReport(
        firstFrame: frames, frames: asked, instant: now, delay: delay, silentFrames: 0))
    frames += asked
    check(
      output.instantHeard(frames) != nil && output.deadline(frames) != nil, "an output is known")
  }
}
