internal import AuraStream

extension Target {
  /// When everyone hears: the plan, who follows it, the delay that is chosen, what is held for whom.
  static let presentation = Target(
    name: "presentation", executions: 8_000, longest: 300,
    run: { bytes in
      var program = ByteProgram(bytes)
      var run = PresentationRun(&program)
      while !program.isAtEnd { run.step(&program) }
    },
    seeds: {
      let steady: [UInt8] = (0..<12).flatMap { _ in [0, 3, 9] as [UInt8] }
      let moves: [UInt8] = [1, 1, 0, 200, 0] + steady + [1, 1, 1, 44, 0] + steady
      return [
        [0] + moves + [1, 0, 1, 0, 90] + steady, [1] + moves + [2, 40] + steady + [2, 255],
        [1] + [3, 3, 0, 90, 1, 44, 0, 20] + steady + [4, 0, 0, 120] + steady + [5, 10] + steady,
      ]
    })
}

/// A broadcast, and a listener that follows it.
private struct PresentationRun {
  private var rule: PresentationRule
  private var film = FilmDelay()
  private var automatic: AutomaticDelay
  private var holding: HoldRule
  private var hold: PacketHold
  private var position = MediaTime(frames: 0)
  private var now = HostTime(nanoseconds: 1_000_000_000)
  private var published = 0
  private var sent: Int?

  /// The first byte: mode, and where packets begin.
  init(_ program: inout ByteProgram) {
    let flags = program.byte()
    let delay = Duration.milliseconds(Int64(flags) * 16)
    rule = PresentationRule(mode: flags & 1 == 0 ? .live : .film, delay: delay)
    automatic = AutomaticDelay(cap: delay, delay: .milliseconds(250))
    holding = HoldRule(since: now)
    let start = PacketStart(
      flags & 2 == 0 ? .server : .listenerFromStart(passing: .zero), delay: delay)
    check(start.hold >= .zero && start.hold <= delay, "nobody is held back longer than the delay")
    check(start.backlog >= .zero && start.backlog <= delay, "no packet is too old")
    hold = PacketHold(start)
  }

  mutating func step(_ program: inout ByteProgram) {
    switch program.byte() & 7 {
    case 1: change(&program)
    case 2: pause(silence: .milliseconds(Int64(program.byte()) * 16))
    case 3: choose(&program)
    case 4: report(&program)
    case 5: hold.aim(at: .milliseconds(Int64(program.byte()) * 16))
    case 6: film.restart()
    case 7: jump(&program)
    default: play(packets: Int(program.byte() & 63), &program)
    }
    judge(rule.plan)
  }

  private func judge(_ plan: PresentationPlan) {
    let bounds = PresentationPlan.delays
    check(bounds.contains(plan.first) && bounds.contains(plan.last), "delays are in their bounds")
    check(plan.since <= position, "no plan is for what has not been captured")
    let here = plan.delay(at: position)
    let later = plan.delay(at: position + 48_000)
    check(bounds.contains(here) && bounds.contains(later), "delays are in their bounds")
    check(moved(from: here, to: later) <= .milliseconds(20), "a delay moves by 20 ms a second")
    let retold = plan.retold(at: position)
    check(
      moved(from: retold.delay(at: position), to: here) <= .microseconds(1),
      "told later is the same")
    check(
      moved(from: retold.delay(at: position + 48_000), to: later) <= .microseconds(1),
      "told later is the same")
  }

  private func moved(from a: Duration, to b: Duration) -> Duration { max(a - b, b - a) }

  /// Mode, delay with a sign, silence.
  private mutating func change(_ program: inout ByteProgram) {
    let mode = program.byte() & 1 == 0 ? BroadcastMode.live : .film
    let delay = Duration.milliseconds(Int64(Int16(bitPattern: program.uint16())))
    let silence = Duration.milliseconds(Int64(program.byte()) * 16)
    let before = rule.plan
    let isNew = rule.change(to: mode, delay: delay, at: position, silence: silence)
    let plan = rule.plan
    check(plan.mode == mode && plan.last == PresentationRule.allowed(delay), "what is wanted holds")
    check(plan.number == before.number &+ (isNew ? 1 : 0), "every new plan has a new number")
    check(plan.since >= before.since, "plans follow each other")
    if isNew, !plan.isAtPause, mode == .film, before.mode == .film {
      check(
        plan.delay(at: position) == before.delay(at: position), "a delay does not jump in sound")
    }
    if isNew { judgePause(silence, from: before) }
  }

  private mutating func pause(silence: Duration) {
    let before = rule.plan
    guard rule.note(silence: silence, at: position) else {
      check(rule.plan == before, "what is not new is the same")
      return
    }
    check(rule.plan.number == before.number &+ 1, "every new plan has a new number")
    check(rule.plan.isAtPause && rule.plan.last == before.last, "only a pause makes it new")
    judgePause(silence, from: before)
  }

  private func judgePause(_ silence: Duration, from before: PresentationPlan) {
    guard rule.plan.isAtPause else { return }
    check(silence >= PresentationRule.shortestPause, "a breath is no pause")
    check(rule.plan.first == rule.plan.last, "in a pause all is done at once")
    guard rule.plan.mode == .film, before.mode == .film else { return }
    check(
      before.delay(at: position) - rule.plan.last <= max(.zero, silence - PresentationRule.lead),
      "what is left out is silent")
  }

  /// How many, and each one's need; every fourth is not of this world.
  private mutating func choose(_ program: inout ByteProgram) {
    let before = automatic.delay
    let needs = (0..<Int(program.byte() & 7)).map { _ in
      let number = Int64(Int16(bitPattern: program.uint16()))
      return number & 3 == 0 ? Duration.seconds(number << 48) : .milliseconds(number)
    }
    let delay = automatic.update(needs: needs, now: now)
    check(PresentationPlan.delays.contains(delay), "delays are in their bounds")
    check(delay <= automatic.cap, "nobody is waited for longer than is said")
    for need in needs where need <= automatic.cap {
      check(delay >= need, "everyone is waited for who can be")
    }
    check(delay >= before || before - delay >= .milliseconds(50), "little is not worth a change")
    check(!needs.isEmpty || delay == before, "nobody's need changes nothing")
  }

  private mutating func report(_ program: inout ByteProgram) {
    let flags = program.byte()
    let number = Int64(Int16(bitPattern: program.uint16()))
    var report = ListenerReport()
    report.delay = flags & 1 == 0 ? .milliseconds(number) : .seconds(number << 48)
    report.holds = flags & 2 != 0
    let delay = flags & 4 == 0 ? rule.plan.delay(at: position) : nil
    let before = holding.hold
    holding.take(report, delay: delay, now: now)
    check(holding.hold >= .zero && holding.hold <= PacketHold.longest, "a hold has its bounds")
    check(holding.hold - before <= .milliseconds(100), "a hold moves slowly")
    if delay == nil || report.holds { check(holding.hold == .zero, "nothing is held in vain") }
    hold.aim(at: holding.hold)
  }

  /// A pause of the whole broadcast, up to most of a day.
  private mutating func jump(_ program: inout ByteProgram) {
    let seconds = Int(program.uint16())
    position = position + seconds * 48_000
    now = now + .seconds(seconds)
  }

  /// Packets of 20 ms come, are sent, and the listener's delay follows the plan.
  private mutating func play(packets: Int, _ program: inout ByteProgram) {
    let flags = program.byte()
    for _ in 0..<packets {
      position = position + 960
      now = now + .milliseconds(20)
      follow(isPlaying: flags & 1 != 0, following: .milliseconds(Int64(flags) * 4))
      send()
    }
  }

  private mutating func follow(isPlaying: Bool, following: Duration) {
    let before = film.delay
    film.take(rule.plan)
    let hasJumped = film.update(
      at: position, following: following, isPlaying: isPlaying, elapsed: 0.02)
    check(abs(film.slope) <= PresentationPlan.glide + 1e-9, "a delay moves by 20 ms a second")
    if let delay = film.delay, let before, isPlaying, !hasJumped, film.slope != 0 {
      check(moved(from: before, to: delay) <= .microseconds(401), "a delay does not jump in sound")
    }
    if hasJumped { check(isPlaying, "where nothing plays nothing jumps") }
  }

  /// The history has room for a hundred.
  private mutating func send() {
    published += 1
    let available = min(published, 100)
    let due = hold.due(packetFrames: 960, available: available, now: now)
    for behind in due.reversed() {
      check((0..<available).contains(behind), "what is sent is there")
      let packet = published - behind
      check(sent.map { packet == $0 + 1 } ?? true, "packets go out once each, in order")
      sent = packet
    }
  }
}
