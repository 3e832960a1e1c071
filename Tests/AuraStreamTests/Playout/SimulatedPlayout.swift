import AuraStream
import Foundation

/// A server, a network, an output and between them the conductor, in virtual time: hours in seconds.
///
/// Two clocks (the server's and ours) and two sound cards run at their own speeds. True time is ours.
struct SimulatedPlayout {
  struct World: Sendable {
    var seed: UInt64 = 1
    var packetFrames = 480
    /// The fraction of packets lost, and how many are lost in a row on average.
    var loss = 0.0
    var burst = 1.0
    /// Of requests and their answers the same.
    var repairs = true
    /// How many older frames go along with each packet.
    var redundancy = 0
    /// The shortest way, and what comes on top, evenly scattered, in seconds.
    var way = 0.002
    var jitter = 0.002
    /// Whether packets may overtake each other.
    var reorders = false
    var duplicates = 0.0
    /// How fast the sound cards are, in ppm of their computers' clocks; and the server's clock of ours.
    var capturePPM = 0.0
    var outputPPM = 0.0
    var clockPPM = 0.0
    var clockOffset = 1_234.0
    /// Whether the server tells its clock.
    var tellsClock = true
    /// The output's request, its delay, and how far its account of that is off.
    var request = 256
    var outputDelay = 0.010
    var wobble = 0.000_1
    /// In its first moments the output tells a delay that is off by this, in seconds.
    var firstWord = (off: 0.0, seconds: 0.0)
    /// By how much the answer to our first question is held up on its way back, in seconds.
    var firstAnswerLate = 0.0
    /// How late our thread is woken at most.
    var wakeUp = 0.000_4
  }

  /// What is heard of one moment.
  struct Moment {
    var time = 0.0
    /// From its true capture to the ear; of a frame that was played.
    var delay = 0.0
    var speed = 0.0
    /// When the first of its frames is heard, and the one after the last.
    var heard = 0.0...0.0
    /// When it was captured.
    var captured: Double { heard.lowerBound - delay }
  }

  var world: World
  var conductor: PlayoutConductor
  var generator: SeededGenerator
  var moments: [Moment] = []
  var sent = 0
  var requested = 0
  /// Truth of what was played, for the trouble in a test to be put in.
  var now = 100.0
  /// Packets sent in these spans of time never come; in these they come at its end.
  var blackouts: [Range<Double>] = []
  var freezes: [Range<Double>] = []
  /// In these spans our thread does not run; in these the output does not.
  var stalls: [Range<Double>] = []
  var pauses: [Range<Double>] = []
  /// The range in which the way is longer.
  var detour: (Range<Double>, Double)?
  /// From when on the way is another one: its mean and the standard deviation of a normally distributed
  /// jitter, in seconds, as a bad wire's; packets overtake each other there.
  var spoilt: (at: Double, mean: Double, deviation: Double)?
  /// When a computer sleeps, and how long: the server; or with a negative length we do, for whom no time
  /// passes.
  var sleep: (at: Double, seconds: Double)?
  /// When the server makes which plan: its first frame is the one captured then.
  var plans: [(at: Double, plan: PresentationPlan)] = []
  /// When the server starts anew, with another count of everything.
  var restarts: [Double] = []

  private var ssrc: UInt32 = 7
  private var timestampOffset: UInt32 = 0
  private var firstNumber: UInt16 = 65_000
  private var firstPacket = 0
  private var nextPacket = 0
  private var lastArrival = 0.0
  private var isInBurst = false
  private var onTheWay: [(at: Double, packet: PlayoutConductor.Packet, number: Int)] = []
  private var answers: [(at: Double, number: Int)] = []
  private var nextReport = 100.3
  private var plansTold = 0
  private var questionSent: Double?
  private var hasAnswer = false
  private var reports: [(at: Double, body: Report)] = []
  // The output's ring.
  private var ring = 0
  private var rendered = 0
  private var silent = 0
  private var nextRender = 100.0
  private var ratio = 0.0

  private struct Report {
    var ntp: HostTime
    var timestamp: UInt32
    var exchange: ClockExchange?
    var notice: PresentationNotice?
  }

  init(_ world: World, delay: PlayoutDelay.Mode = PlayoutDelay.usual) {
    self.world = world
    generator = SeededGenerator(seed: world.seed)
    timestampOffset = UInt32.random(in: 0...(.max), using: &generator)
    conductor = PlayoutConductor(
      .init(
        delay: delay, payloadType: 111, redundantPayloadType: 63,
        requestsRepair: world.repairs))
  }

  // MARK: Clocks

  /// True time, as our clock shows it.
  private func local(_ time: Double) -> HostTime {
    HostTime(nanoseconds: Int64((time * 1e9).rounded()))
  }

  /// What the server has lived through.
  private func lived(_ time: Double) -> Double {
    guard let sleep, time > sleep.at else { return time }
    return max(min(sleep.at, time), time - sleep.seconds)
  }

  private func server(_ time: Double) -> HostTime {
    let time = lived(time)
    return local(time + world.clockOffset + (time - 100) * world.clockPPM / 1e6)
  }

  /// True frames a second of the server's card and ours.
  private var captureRate: Double {
    48_000 * (1 + world.capturePPM / 1e6) * (1 + world.clockPPM / 1e6)
  }
  private var outputRate: Double { 48_000 * (1 + world.outputPPM / 1e6) }

  /// When a frame was captured, the timestamps' origin taken away.
  private func captured(_ frame: Double) -> Double {
    let time = 100 + frame / captureRate
    guard let sleep, time > sleep.at else { return time }
    return max(sleep.at, time + sleep.seconds)
  }

  // MARK: Running

  /// Runs until a time; calls `each` after every step of 2.5 ms.
  mutating func run(until end: Double, each: (inout Self) -> Void = { _ in }) {
    while now < end {
      let next = now + 0.002_5
      send(until: next)
      deliver(until: next)
      render(until: next)
      now = next
      wake()
      each(&self)
    }
  }

  private func isWithin(_ ranges: [Range<Double>], _ time: Double) -> Bool {
    ranges.contains { $0.contains(time) }
  }

  private mutating func chance(_ probability: Double) -> Bool {
    probability > 0 && Double.random(in: 0..<1, using: &generator) < probability
  }

  private mutating func isLost(_ time: Double) -> Bool {
    if isWithin(blackouts, time) { return true }
    guard world.burst > 1 else { return chance(world.loss) }
    let leaves = 1 / world.burst
    let enters = world.loss / (1 - world.loss) * leaves
    isInBurst = isInBurst ? !chance(leaves) : chance(enters)
    return isInBurst
  }

  /// How long something is on its way.
  private mutating func journey(at time: Double) -> Double {
    if let spoilt, time >= spoilt.at {
      let radius = (-2 * log(Double.random(in: 1e-12...1, using: &generator))).squareRoot()
      let normal = radius * cos(2 * .pi * Double.random(in: 0..<1, using: &generator))
      return max(0, spoilt.mean + spoilt.deviation * normal)
    }
    return world.way + Double.random(in: 0...max(world.jitter, 1e-9), using: &generator)
  }

  private mutating func arrival(of sent: Double) -> Double {
    var arrival = sent + journey(at: sent)
    if let spoilt, sent >= spoilt.at { return arrival }
    if let detour, detour.0.contains(sent) { arrival += detour.1 }
    for freeze in freezes where freeze.contains(arrival) { arrival = freeze.upperBound }
    if !world.reorders {
      arrival = max(arrival, lastArrival + 0.000_01)
      lastArrival = arrival
    }
    return arrival
  }

  private mutating func send(until end: Double) {
    while true {
      // A packet leaves when its last frame has been captured.
      let leaves = captured(Double((nextPacket + 1) * world.packetFrames))
      guard leaves < end else { break }
      if let restart = restarts.first, leaves > restart { beginAnew() }
      sent += 1
      let number = nextPacket
      nextPacket += 1
      // What was sent while we slept is gone.
      let isLost = isLost(leaves) || sleep.map { $0.seconds < 0 && leaves == $0.at } ?? false
      let at = arrival(of: leaves)
      if !isLost { onTheWay.append((at, packet(number), number)) }
      if chance(world.duplicates) { onTheWay.append((at + 0.004, packet(number), number)) }
    }
    while nextReport < end {
      report(at: nextReport)
      nextReport += 1
    }
    if plansTold < plans.count, plans[plansTold].at < end {
      plansTold += 1
      report(at: end)
    }
  }

  private mutating func beginAnew() {
    restarts.removeFirst()
    ssrc += 1
    timestampOffset = UInt32.random(in: 0...(.max), using: &generator)
    firstPacket = nextPacket
    onTheWay.removeAll()
  }

  private func packet(_ number: Int) -> PlayoutConductor.Packet {
    PlayoutConductor.Packet(
      ssrc: ssrc, sequenceNumber: firstNumber &+ UInt16(truncatingIfNeeded: number - firstPacket),
      timestamp: timestampOffset &+ UInt32(truncatingIfNeeded: number * world.packetFrames),
      payloadType: world.redundancy > 0 ? 63 : 111, arrival: HostTime(nanoseconds: 0))
  }

  /// A sender report with the answer to our last question.
  private mutating func report(at time: Double) {
    let frame = Int(((lived(time) - 100) * captureRate).rounded(.down))
    // The server's line tells what instant a whole frame has.
    let ntp = server(captured(Double(frame)))
    let timestamp = timestampOffset &+ UInt32(truncatingIfNeeded: frame)
    var exchange: ClockExchange?
    let isFirstAnswer = questionSent != nil && !hasAnswer
    let arrives = time + journey(at: time) + (isFirstAnswer ? world.firstAnswerLate : 0)
    hasAnswer = hasAnswer || isFirstAnswer
    if world.tellsClock, let asked = questionSent {
      let served = asked + journey(at: asked)
      exchange = ClockExchange(
        asked: local(asked), served: server(served), answered: server(time),
        received: local(arrives))
    }
    questionSent = arrives + 0.1
    let isAsleep = sleep.map { time >= $0.at && time < $0.at + $0.seconds } ?? false
    if !isWithin(blackouts, time), !isAsleep {
      reports.append(
        (arrives, Report(ntp: ntp, timestamp: timestamp, exchange: exchange, notice: notice)))
    }
  }

  private var notice: PresentationNotice? {
    guard plansTold > 0 else { return nil }
    let (at, plan) = plans[plansTold - 1]
    let frame = Int64(((lived(at) - 100) * captureRate).rounded(.down))
    return PresentationNotice(
      plan, timestamp: timestampOffset &+ UInt32(truncatingIfNeeded: frame))
  }

  private mutating func deliver(until end: Double) {
    let due = onTheWay.filter { $0.at < end }.sorted { $0.at < $1.at }
    onTheWay.removeAll { $0.at < end }
    for item in due {
      var packet = item.packet
      packet.arrival = local(item.at)
      let payload = payload(item.number)
      unsafe conductor.receive(packet, payload: payload.span.bytes) { _ in world.packetFrames }
    }
    for report in reports where report.at < end {
      conductor.senderReport(ntpTime: NTPTime(report.body.ntp), timestamp: report.body.timestamp)
      if let notice = report.body.notice { conductor.presentation(notice) }
      if let exchange = report.body.exchange { conductor.clockExchange(exchange) }
    }
    reports.removeAll { $0.at < end }
    for number in conductor.requests(
      roundTrip: .nanoseconds(Int64((2 * world.way + world.jitter) * 1e9)), now: local(end))
    {
      requested += 1
      answer(number, at: end)
    }
  }

  private mutating func answer(_ number: UInt16, at time: Double) {
    let index =
      firstPacket + Int(number &- firstNumber)
      + (nextPacket - firstPacket) / 65_536 * 65_536
    let packetNumber = index > nextPacket ? index - 65_536 : index
    // A server that has started anew knows nothing of what was sent before.
    guard (firstPacket..<nextPacket).contains(packetNumber) else { return }
    if isLost(time) { return }
    let there = time + journey(at: time)
    if isLost(there) { return }
    let back = there + journey(at: there)
    onTheWay.append((back, packet(packetNumber), packetNumber))
  }

  private func payload(_ number: Int) -> [UInt8] {
    guard world.redundancy > 0 else { return [1] }
    var bytes: [UInt8] = []
    for back in stride(from: world.redundancy, to: 0, by: -1) {
      let word = 0x8000_0000 | UInt32(111) << 24 | UInt32(back * world.packetFrames) << 10 | 1
      bytes.append(bigEndian: word)
    }
    return bytes + [111] + [UInt8](repeating: 1, count: world.redundancy + 1)
  }

  // MARK: The output

  private mutating func render(until end: Double) {
    while nextRender < end {
      if !isWithin(pauses, nextRender) {
        let count = min(ring, world.request)
        ring -= count
        let before = rendered
        rendered += world.request
        silent += world.request - count
        var off = Double.random(in: -1...1, using: &generator) * world.wobble
        if nextRender - 100 < world.firstWord.seconds { off += world.firstWord.off }
        conductor.report(
          OutputReport(
            firstFrame: before, frames: world.request, instant: local(nextRender),
            delay: local(nextRender + world.outputDelay + off) - local(nextRender),
            silentFrames: silent))
      }
      nextRender += Double(world.request) / outputRate
    }
  }

  /// When the frame that is written next is truly heard.
  private var heard: Double {
    nextRender + world.outputDelay + Double(ring) / outputRate
  }

  private mutating func wake() {
    guard !isWithin(stalls, now) else { return }
    let late = Double.random(in: 0...max(world.wakeUp, 1e-9), using: &generator)
    while let step = conductor.next(now: local(now + late - world.wakeUp), held: 0) {
      let frames: Int
      switch step.sound {
      case .decode(let frame, let skipping):
        frames = frame.frames - skipping
        note(frame, skipping: skipping, speed: step.speed)
      case .conceal(let count), .silence(let count): frames = count
      }
      // What the resampler makes of it, and what it keeps.
      ratio += Double(frames) / (1 + step.speed)
      let made = Int(ratio)
      ratio -= Double(made)
      ring += made
      conductor.didWrite(frames: made)
    }
  }

  private mutating func note(_ frame: JitterBuffer.Frame, skipping: Int, speed: Double) {
    let low = UInt32(truncatingIfNeeded: frame.start.frames) &- timestampOffset
    let near = Int64((now - 100) * captureRate)
    let number = near + Int64(Int32(bitPattern: low &- UInt32(truncatingIfNeeded: near)))
    let begin = heard + ratio / outputRate
    let delay = begin - captured(Double(number) + Double(skipping))
    let length = Double(frame.frames - skipping) / (1 + speed) / outputRate
    moments.append(
      Moment(time: now, delay: delay, speed: speed, heard: begin...begin + length))
  }
}

extension [SimulatedPlayout.Moment] {
  func after(_ time: Double) -> ArraySlice<Element> { drop { $0.time < time } }
}

extension Sequence<SimulatedPlayout.Moment> {
  /// In milliseconds.
  var delays: [Double] { map { $0.delay * 1e3 } }
  var fastest: Double { map { abs($0.speed) }.max() ?? 0 }
  /// The longest time in which nothing of the broadcast is heard, in milliseconds.
  var longestGap: Double {
    zip(self, dropFirst()).map { $1.heard.lowerBound - $0.heard.upperBound }.max().map { 1e3 * $0 }
      ?? 0
  }
}
