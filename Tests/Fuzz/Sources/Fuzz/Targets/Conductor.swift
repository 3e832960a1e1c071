internal import AuraStream

extension Target {
  /// All of a listener's playout but codec and output: packets, reports, clocks, an output, in any order.
  static let conductor = Target(
    name: "conductor", executions: 3_000, longest: 400,
    run: { bytes in
      var program = ByteProgram(bytes)
      var run = ConductorRun(&program)
      while !program.isAtEnd { run.step(&program) }
    },
    seeds: {
      let steady: [UInt8] = (0..<20).flatMap { _ in [0, 9] as [UInt8] }
      return [
        [0] + steady, [3] + [6, 7] + steady + [1, 3] + steady,
        [1] + steady + [2, 9, 9, 1, 2, 3, 4],
        [2, 5, 100, 0, 8] + steady + [4, 40, 11, 200] + steady,
        [0, 3] + steady + [12, 1] + steady,
      ]
    })
}

/// A conductor, and an output that plays what it is given.
private struct ConductorRun {
  private var conductor: PlayoutConductor
  private var now = HostTime(nanoseconds: 1_000_000_000)
  private var number: UInt16 = 65_500
  private var timestamp: UInt32 = 0xffff_f000
  private var ssrc: UInt32 = 1
  private let packetFrames = 480
  private var ring = 0
  private var rendered = 0
  private var silent = 0
  /// Where the last frame ended that was decoded, and how often sound had been put in its place by then.
  private var last: (end: MediaTime, alignments: Int)?

  /// The first byte: delay, redundancy.
  init(_ program: inout ByteProgram) {
    let flags = program.byte()
    conductor = PlayoutConductor(
      .init(
        delay: flags & 1 == 0 ? PlayoutDelay.usual : .fixed(.milliseconds(Int64(flags))),
        payloadType: 111, redundantPayloadType: flags & 2 == 0 ? nil : 63))
  }

  mutating func step(_ program: inout ByteProgram) {
    switch program.byte() & 15 {
    case 1: skip(Int(program.byte()))
    case 2: receive(program.bytes(Int(program.byte() & 63)), payloadType: 63)
    case 3:
      number = program.uint16()
      timestamp = program.uint32()
    case 4: now = now + .milliseconds(Int64(program.byte()) * 4)
    case 5:
      conductor.senderReport(
        ntpTime: NTPTime(now + .milliseconds(Int64(program.uint16()))), timestamp: timestamp)
    case 6:
      let late = Duration.milliseconds(Int64(program.byte()))
      conductor.clockExchange(
        .init(asked: now, served: now + late, answered: now + late, received: now + late))
    case 7: takeWild(&program)
    case 8: tell(&program)
    case 9: ssrc = UInt32(program.byte() & 3)
    case 10: conductor.reconnect()
    case 11: skip(-Int(program.byte()))
    case 12: for _ in 0..<Int(program.byte()) { tick() }
    default: for _ in 0..<1 + Int(program.byte() & 7) { tick() }
    }
    check(conductor.buffer.count <= 1_024, "what waits is bounded")
    check(conductor.repairs.missingCount <= RepairRequests.most, "what is missing is bounded")
  }

  /// Ten milliseconds in which all is well.
  private mutating func tick() {
    now = now + .milliseconds(10)
    receive([1], payloadType: 111)
    play()
  }

  private mutating func skip(_ packets: Int) {
    number &+= UInt16(truncatingIfNeeded: packets)
    timestamp &+= UInt32(truncatingIfNeeded: packets * packetFrames)
  }

  private mutating func receive(_ payload: [UInt8], payloadType: UInt8) {
    let packet = PlayoutConductor.Packet(
      ssrc: ssrc, sequenceNumber: number, timestamp: timestamp, payloadType: payloadType,
      arrival: now)
    skip(1)
    let before = conductor.counts.packets
    unsafe conductor.receive(packet, payload: payload.span.bytes) { bytes in
      bytes.byteCount == 0 ? nil : bytes.byte(at: 0) == 0 ? 0 : packetFrames
    }
    check(conductor.counts.packets == before + 1, "packets are counted")
    let requests = conductor.requests(now: now)
    check(requests.count <= RepairRequests.most, "requests are bounded")
    check(Set(requests).count == requests.count, "a packet is asked for once at a time")
  }

  /// What a server may say that lies, or whose clock does.
  private mutating func takeWild(_ program: inout ByteProgram) {
    let high = program.uint32()
    conductor.senderReport(
      ntpTime: NTPTime(value: UInt64(high) << 32 | UInt64(program.uint32())),
      timestamp: program.uint32())
    let echo = DelaySinceReference.Report(
      ssrc: 1, lastReference: program.uint32(), delay: NTPShortDuration(units: program.uint32()))
    let told = NTPTime(value: UInt64(program.uint32()) << 32)
    if let exchange = ClockExchange(echo: echo, reportedAt: told, received: now) {
      conductor.clockExchange(exchange)
    }
  }

  private mutating func tell(_ program: inout ByteProgram) {
    let flags = program.byte()
    let range = PresentationPlan.delays
    func delay() -> Duration {
      min(max(.milliseconds(Int64(program.byte()) * 8), range.lowerBound), range.upperBound)
    }
    let plan = PresentationPlan(
      number: flags >> 2, mode: flags & 1 == 0 ? .film : .live, first: delay(), last: delay(),
      isAtPause: flags & 2 != 0)
    conductor.presentation(
      PresentationNotice(plan, timestamp: timestamp &+ program.uint32() &- 1 << 31))
  }

  /// The output takes 10 ms, and is given what it needs.
  private mutating func play() {
    let count = min(ring, packetFrames)
    ring -= count
    silent += packetFrames - count
    conductor.report(
      OutputReport(
        firstFrame: rendered, frames: packetFrames, instant: now, delay: .milliseconds(10),
        silentFrames: silent))
    rendered += packetFrames
    var steps = 0
    while steps < 400, let step = conductor.next(now: now, held: 0) {
      steps += 1
      let frames = judge(step)
      ring += frames
      conductor.didWrite(frames: frames)
    }
    check(steps < 400, "an output is not given without end")
  }

  private mutating func judge(_ step: PlayoutConductor.Step) -> Int {
    check(
      abs(step.speed) <= RateController.largest + PresentationPlan.glide + 1e-9,
      "no pitch is changed audibly")
    switch step.sound {
    case .conceal(let frames), .silence(let frames):
      check((1...packetFrames).contains(frames), "what is made up is a packet at most")
      return frames
    case .decode(let frame, let skipping):
      check((0..<frame.frames).contains(skipping), "some of a frame that is played is left")
      let alignments = conductor.counts.alignments
      if let last, last.alignments == alignments {
        check(frame.end > last.end, "sound never goes back")
      }
      last = (frame.end, alignments)
      return frame.frames - skipping
    }
  }
}
