/// How a listener's playing stands at a moment.
package struct PlayoutFacts: Equatable, Sendable {
  /// Whether delays count from the capture; else from a packet's earliest arrival.
  package var isExact = false
  /// The delay that is held; nil before the first packet.
  package var delay: Duration?
  /// The delay that the broadcast wants in film mode, as far as it has been reached; nil in live mode.
  package var film: Duration?
  /// The least delay that would do for what has been seen of the arrivals; nil before the first packet.
  package var needed: Duration?
  /// How late sound is heard; negative where it is early.
  package var error = Duration.zero
  /// Where the time goes.
  package var stages = DelayStages()
  /// How long a packet is.
  package var packet = Duration.zero
  /// How unevenly packets come: the worst of late, less the earliest.
  package var jitter = Duration.zero
  /// How much faster than recorded sound is played, and how much of that is drift; in ppm.
  package var ratePPM = 0.0
  package var driftPPM = 0.0
  /// How well the server's clock is known; nil when it is not.
  package var clockUncertainty: Duration?
  /// The server's clock less ours; nil when it is not known.
  package var clockOffset: Duration?
  /// The way there and back, by the clock's exchanges.
  package var roundTrip: Duration?
  package var counts = PlayoutConductor.Counts()
  package var frames = JitterBuffer.Counts()
  package var repairs = RepairRequests.Counts()
  /// Payloads of no use.
  package var refusedPayloads = 0
  /// Times a clock has stepped.
  package var clockSteps = 0

  package init() {}

  /// Where the time goes, part by part: before a packet is here only its whole is measured, so the
  /// capture is what its length and the network leave of that.
  package var parts: DelayParts {
    var parts = DelayParts()
    parts.packet = packet
    parts.network = roundTrip.map { $0 / 2 }
    if let arrival = stages.arrival, let network = parts.network {
      parts.capture = max(.zero, arrival - packet - network)
    }
    parts.buffer = stages.buffer
    parts.decode = stages.waiting
    parts.output = stages.output
    return parts
  }
}

extension PlayoutConductor {
  /// How things stand.
  package var facts: PlayoutFacts {
    var facts = PlayoutFacts()
    facts.isExact = isExact
    facts.delay = currentDelay
    if isExact { facts.film = delay.film.delay }
    facts.needed = delay.needed(pipeline: pipeline)
    facts.error = .nanoseconds(Int64(saturating: error * 1e9))
    facts.stages = stages
    facts.packet = .frames(packetFrames)
    facts.jitter = delay.worstArrival.map { max(.zero, $0 - earliest) } ?? .zero
    facts.ratePPM = controller.speed * 1e6
    facts.driftPPM = controller.driftPPM
    facts.clockUncertainty = serverClock.uncertainty
    facts.clockOffset = serverClock.offset
    facts.roundTrip = serverClock.roundTrip
    facts.counts = counts
    facts.frames = buffer.counts
    facts.repairs = repairs.counts
    facts.refusedPayloads = depacketizer.refused
    facts.clockSteps = serverClock.steps
    return facts
  }
}
