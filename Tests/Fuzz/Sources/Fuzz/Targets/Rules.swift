internal import AuraStream

extension Target {
  /// Small rules of film mode and calibration, told whatever listeners and sound systems may say: what
  /// players are told, who is late, when a chunk goes, how loud it was, and a person's taps.
  static let rules = Target(
    name: "rules", executions: 8_000, longest: 300,
    run: { bytes in
      var program = ByteProgram(bytes)
      var run = RulesRun(&program)
      while !program.isAtEnd { run.step(&program) }
    },
    seeds: {
      let chunks: [UInt8] = (0..<20).flatMap { _ in [0, 4, 0] as [UInt8] }
      let film: [UInt8] = [1, 1, 0, 200, 0]
      return [
        [0] + chunks + film + chunks + [1, 1, 1, 44, 40] + chunks + [1, 0, 0, 0, 0] + chunks,
        [1] + (0..<60).flatMap { _ in [2, 2, 0, 250, 1, 144] as [UInt8] } + [4, 3, 0, 1],
        [1] + (0..<9).flatMap { [3, 0, UInt8(100 + $0)] as [UInt8] } + [5, 20, 200, 5, 0, 3],
      ]
    })
}

private struct RulesRun {
  private static let chunk = Duration.milliseconds(20)

  private var now = HostTime(nanoseconds: 3_600_000_000_000)
  private var position = MediaTime(frames: 0)
  private var plan = PresentationRule(mode: .live, delay: .milliseconds(250))
  private var schedule: ChunkSchedule
  private let slots: Int
  private var captured = 0
  private var lastSent: Int?
  private var claim = ClaimRule()
  private var lateness = LatenessRule()
  private var taps = BeatTaps()
  private var levels = LevelTracer()

  init(_ program: inout ByteProgram) {
    slots = ChunkSchedule.needed(chunk: Self.chunk) + Int(program.byte() & 1) * 50
    schedule = ChunkSchedule(chunk: Self.chunk, slots: slots)
  }

  mutating func step(_ program: inout ByteProgram) {
    switch program.byte() & 7 {
    case 1: change(&program)
    case 2: tell(&program)
    case 3: tap(&program)
    case 4: judge(late: .milliseconds(Int64(Int16(bitPattern: program.uint16()))))
    case 5: trace(&program)
    case 6: now = now + .milliseconds(Int64(program.uint16()))
    default: capture(&program)
    }
  }

  private mutating func change(_ program: inout ByteProgram) {
    let mode = program.byte() & 1 == 0 ? BroadcastMode.live : .film
    let delay = Duration.milliseconds(Int64(program.uint16()))
    _ = plan.change(
      to: mode, delay: delay, at: position, silence: .milliseconds(Int64(program.byte()) * 16))
  }

  /// A chunk comes, as late as it may be, and what is due goes.
  private mutating func capture(_ program: inout ByteProgram) {
    let late = Duration.milliseconds(Int64(program.byte()))
    let isHeard = program.byte() & 1 == 0
    position = position + 960
    now = now + Self.chunk
    schedule.append(capturedAt: now - late, ChunkPresentation(plan.plan, at: position))
    captured += 1
    var releases = 0
    while let number = schedule.release(isHeard: isHeard, now: now) {
      check((max(0, captured - slots)..<captured).contains(number), "what is sent is there")
      check(lastSent.map { number >= $0 } ?? true, "no chunk goes after a later one")
      lastSent = number
      releases += 1
      check(releases <= 2 * slots, "there is an end to what is due")
    }
    if let due = schedule.nextDue {
      check(due - now < PresentationPlan.delays.upperBound * 2, "nothing waits for ever")
    }
  }

  private mutating func tell(_ program: inout ByteProgram) {
    let flags = program.byte()
    let told = (0..<Int(flags >> 1 & 7)).map { _ in
      Duration.milliseconds(Int64(Int16(bitPattern: program.uint16())))
    }
    let planned = flags & 1 == 0 ? nil : plan.plan.delay(at: position)
    now = now + .milliseconds(250)
    let delay = claim.delay(planned: planned, told: told, now: now)
    check((delay == nil) == (planned == nil && told.isEmpty), "who knows nothing says nothing")
    guard let delay, let least = told.min(), let most = told.max() else { return }
    check(delay == planned || (least...most).contains(delay), "somebody hears it so")
  }

  private mutating func judge(late: Duration) {
    let before = lateness.told
    let isNews = lateness.note(late)
    check(isNews || lateness.told == before, "what is not news is the same")
    check((lateness.told ?? .seconds(1)) > LatenessRule.audible, "nobody is told of nothing")
  }

  private mutating func tap(_ program: inout ByteProgram) {
    let instant = now + .milliseconds(Int64(Int16(bitPattern: program.uint16())))
    taps.tap(at: instant, beat: now)
    check(taps.count <= BeatTaps.wanted, "eight are enough")
    if let offset = taps.offset {
      check(BeatTaps.offsets.contains(offset), "half a beat to either side")
    }
    if taps.count == BeatTaps.wanted, program.byte() & 1 == 0 { taps = BeatTaps() }
  }

  private mutating func trace(_ program: inout ByteProgram) {
    let samples = program.bytes(Int(program.byte() & 63)).map { Float(Int8(bitPattern: $0)) / 128 }
    levels.append(samples.span, at: position)
    // Whoever asks may ask for anything.
    let from = MediaTime(
      frames: position.frames + Int64(Int32(bitPattern: program.uint32())))
    let count = Int(Int16(bitPattern: program.uint16()))
    if let found = levels.trace.levels(from: from, count: count) {
      check(found.levels.count <= max(0, count), "no more than was asked for")
      check(found.start.frames % LevelTrace.step == 0, "levels begin at milliseconds")
    }
    position = position + samples.count / 2
  }
}
