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
    /// The part of it until sound is coded and sent.
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
    /// Sound that was made up for what was not there in time.
    public var concealed = Duration.zero
    /// How much faster than it was captured sound is played, in parts per million.
    public var speedPPM = 0.0
    /// How much of that is the drift of the two sound cards, in parts per million.
    public var driftPPM = 0.0
    /// How far off the server's clock may be known.
    public var clockError: Duration?
    /// Times the connection was made again.
    public var reconnections = 0

    init(_ numbers: Listener.Statistics) {
      isPlaying = numbers.state == .playing
      level = numbers.decibels
      reconnections = numbers.reconnections
      guard let webRTC = numbers.webRTC else { return }
      let parts = webRTC.playout.parts
      if webRTC.playout.isExact { delay = webRTC.delay }
      (capture, packet, network) = (parts.capture, parts.packet, parts.network)
      (buffer, decode, output) = (parts.buffer, parts.decode, parts.output)
      (packets, lost, late) = (webRTC.expected, webRTC.missing, webRTC.playout.frames.late)
      concealed = .frames(webRTC.playout.counts.concealed)
      (speedPPM, driftPPM) = (webRTC.playout.ratePPM, webRTC.playout.driftPPM)
      clockError = webRTC.playout.clockUncertainty
    }
  }
}
