internal import AuraCodec
internal import AuraStream

/// From received packets to the output: jitter buffer, repair, decoding, concealment, fades, rate,
/// balance, volume.
///
/// Belongs to one thread, which calls `receive` for packets and `play` at `nextDeadline` at the latest.
/// It reads no clock. `PlayoutConductor` decides; here it is made to sound.
final class WebRTCPlayoutChain {
  struct Options: Sendable {
    var format: PayloadFormat
    var playout: PlayoutConductor.Parameters
    /// How loud, and on which side; above 100 % its limiter costs 2 ms.
    var volume: VolumeControl
    var recorder: Recorder?
    /// Added to what the output says of its delay.
    var headphone: HeadphoneOffset

    init(
      format: PayloadFormat, playout: PlayoutConductor.Parameters,
      volume: VolumeControl = VolumeControl(percent: 100), recorder: Recorder? = nil,
      headphone: HeadphoneOffset = HeadphoneOffset()
    ) {
      self.format = format
      self.playout = playout
      self.volume = volume
      self.recorder = recorder
      self.headphone = headphone
    }
  }

  /// Far more than a thread that has slept has to make up for at once.
  private static let mostSteps = 400

  private let options: Options
  private let sink: any PlayoutSink
  private var conductor: PlayoutConductor
  private var decoder: PayloadDecoder
  private var resampler: Resampler
  private var fader = SpliceFader()
  private var volume: VolumeControl
  private var meter = LevelMeter()
  private var isBroken = false
  /// What the output was told; nil until then, for another chain may have played into it.
  private var isRelaxed: Bool?
  /// Whether any sound has come: before that nothing is recorded.
  private var hasSounded = false
  private var decoded: [Float] = []
  private var output: [Float] = []

  /// Sound that found no room in the output, in frames.
  private(set) var lostFrames = 0

  /// - Throws: `CodecError` when the codec or the resampler cannot be had.
  init(_ options: Options, sink: any PlayoutSink) throws(CodecError) {
    self.options = options
    self.sink = sink
    conductor = PlayoutConductor(options.playout)
    // Another chain may have played into it: the output's count goes on.
    conductor.didWrite(frames: sink.writtenFrames)
    decoder = try PayloadDecoder(options.format)
    resampler = try Resampler(
      channels: 2, inputRate: MediaTime.rate, outputRate: MediaTime.rate)
    volume = options.volume
  }

  // MARK: What comes

  /// Takes a packet in.
  ///
  /// - Parameters:
  ///   - packet: its header, and when it came.
  ///   - payload: in the clear.
  func receive(_ packet: PlayoutConductor.Packet, payload: RawSpan) {
    let format = options.format
    conductor.receive(packet, payload: payload) { format.frames(in: $0) }
  }

  /// Takes a sender report in, as it stands in the packet.
  func senderReport(ntpTime: NTPTime, timestamp: UInt32) {
    conductor.senderReport(ntpTime: ntpTime, timestamp: timestamp)
  }

  /// Takes in when the server wants its frames to be heard.
  func presentation(_ notice: PresentationNotice) { conductor.presentation(notice) }

  /// Takes an answer of the server's clock in.
  func clockExchange(_ exchange: ClockExchange) { conductor.clockExchange(exchange) }

  /// Says that another connection carries the packets from now on.
  func reconnect() { conductor.reconnect() }

  /// Decides which lost packets to ask for: after every packet, and after `play`.
  ///
  /// - Parameters:
  ///   - roundTrip: where it is known better than from the clock's exchanges.
  ///   - now: the present.
  /// - Returns: their sequence numbers, oldest first.
  func requests(roundTrip: Duration? = nil, now: HostTime) -> [UInt16] {
    conductor.requests(roundTrip: roundTrip, now: now)
  }

  // MARK: What goes

  /// When `play` must be called at the latest; nil while no output runs.
  var nextDeadline: HostTime? { conductor.nextDeadline }

  /// Gives the output what it needs by now.
  func play(now: HostTime) {
    if var report = sink.report {
      conductor.headphone = options.headphone.value
      report.delay += conductor.headphone
      conductor.report(report)
    }
    if conductor.hasRoom != isRelaxed { relax(conductor.hasRoom) }
    for _ in 0..<Self.mostSteps {
      guard let step = conductor.next(now: now, held: heldFrames) else { return }
      play(step)
    }
  }

  /// Has the output ask for more at a time, or less: what is more is there before it does.
  private func relax(_ isRelaxed: Bool) {
    self.isRelaxed = isRelaxed
    let follows = sink.relax(isRelaxed)
    conductor.expectRequests(of: isRelaxed && follows ? PlayoutConductor.longRequest : 0)
  }

  /// How things stand.
  var facts: PlayoutFacts {
    var facts = conductor.facts
    facts.refusedPayloads += decoder.refused
    return facts
  }

  var decibels: Double { meter.decibels }

  /// Frames that lie between the decoder and the sink.
  private var heldFrames: Int {
    resampler.held.frames() + volume.delayFrames
  }

  private func play(_ step: PlayoutConductor.Step) {
    decoded.removeAll(keepingCapacity: true)
    var isSplice = step.isSplice || isBroken
    isBroken = false
    switch step.sound {
    case .decode(let frame, let skipping):
      hasSounded = true
      options.recorder?.take(
        packet: frame.payload, at: frame.start, frames: frame.frames,
        of: conductor.counts.streams)
      decoder.decode(frame.payload, frames: frame.frames, appendingTo: &decoded)
      decoded.removeFirst(2 * min(skipping, frame.frames))
    case .conceal(let frames):
      isBroken = !decoder.conceal(frames: frames, appendingTo: &decoded)
      isSplice = isSplice || isBroken
    case .silence(let frames):
      decoded.append(contentsOf: repeatElement(0, count: 2 * frames))
    }
    if isSplice { fader.splice() }
    do {
      var span = decoded.mutableSpan
      fader.apply(to: &span)
    }
    let sound = decoded  // the same storage; a span must borrow from a local
    output.removeAll(keepingCapacity: true)
    resampler.convert(sound.span, speed: speed(of: step), appendingTo: &output)
    do {
      // Last, for a resampler overshoots full scale a little.
      var span = output.mutableSpan
      volume.apply(to: &span)
    }
    let made = output
    meter.measure(made.span, duration: .frames(made.count / 2))
    if hasSounded { options.recorder?.take(sound: made) }
    let taken = sink.write(made.span)
    lostFrames += made.count / 2 - taken
    conductor.didWrite(frames: taken, refused: made.count / 2 - taken)
  }

  /// Where speeds are to come the resampler works from the beginning: its delay must not set in later.
  private func speed(of step: PlayoutConductor.Step) -> Double {
    options.playout.correctsDrift && step.speed == 0 ? 1e-12 : step.speed
  }
}
