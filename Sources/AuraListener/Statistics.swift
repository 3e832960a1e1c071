internal import AuraPipelines
internal import AuraStream

extension BroadcastListener {
  /// The numbers of one moment. Nil: not known, or not yet.
  public struct Statistics: Equatable, Sendable {
    /// Whether sound is heard now.
    public var isPlaying = false
    /// Of what is heard, in decibels relative to full scale.
    public var level = -Double.infinity
    /// What is heard now was captured so long ago; nil where the server does not tell when.
    public var delay: Duration?
    /// What `delay` may be at the least for sound to be there in time; more than it where what was asked for is too short.
    public var needed: Duration?
    /// The part of `delay` until sound is coded and sent.
    public var capture: Duration?
    /// A packet's own length.
    public var packet: Duration?
    /// Half of the way there and back.
    public var network: Duration?
    /// In the jitter buffer.
    public var buffer: Duration?
    /// From its decoding until the output takes it.
    public var decode: Duration?
    /// From there to the ear.
    public var output: Duration?
    /// Packets sent to us.
    public var packets = 0
    /// Those of them that never came; repairs count as received.
    public var lost = 0
    /// Frames that came too late.
    public var late = 0
    /// Packets that were asked for again.
    public var requested = 0
    /// Those of them that came in time.
    public var repaired = 0
    /// Sound that was made up for what was not there in time.
    public var concealed = Duration.zero
    /// How much faster than it was captured sound is played, in parts per million.
    public var speedPPM = 0.0
    /// How much of that is the drift of the two sound cards, in parts per million.
    public var driftPPM = 0.0
    /// The server's clock less this computer's.
    public var clockOffset: Duration?
    /// How far off that may be.
    public var clockError: Duration?
    /// To the server and back.
    public var roundTrip: Duration?
    /// Errors of over 100 ms, which were put right at once and not by playing faster or slower.
    public var jumps = 0
    /// Times the output ran dry.
    public var underruns = 0
    /// Silence that the output played because this computer was too late for it; as much sound was left out.
    public var missed = Duration.zero
    /// Times the connection was made again.
    public var reconnections = 0

    init(_ numbers: Listener.Statistics) {
      isPlaying = numbers.state == .playing
      level = numbers.decibels
      reconnections = numbers.reconnections
      (underruns, missed) = (numbers.underruns, numbers.missed)
      guard let webRTC = numbers.webRTC else { return }
      let playout = webRTC.playout
      let parts = playout.parts
      if playout.isExact { (delay, needed) = (webRTC.delay, playout.needed) }
      (capture, packet, network) = (parts.capture, parts.packet, parts.network)
      (buffer, decode, output) = (parts.buffer, parts.decode, parts.output)
      (packets, lost, late) = (webRTC.expected, webRTC.missing, playout.frames.late)
      (requested, repaired) = (playout.repairs.packets, playout.repairs.useful)
      (concealed, jumps) = (.frames(playout.counts.concealed), playout.counts.jumps)
      (speedPPM, driftPPM) = (playout.ratePPM, playout.driftPPM)
      (clockOffset, clockError) = (playout.clockOffset, playout.clockUncertainty)
      roundTrip = playout.roundTrip
    }
  }
}
