internal import AuraHost
internal import AuraStream
internal import AuraTransport

/// What the media thread gives the host's own listener: packets of uncompressed sound, as a network
/// would bring them. Allocates nothing while it runs, and never waits.
struct HostFeed: ~Copyable {
  static let format = LinearAudio.l24
  static let payloadType: UInt8 = 97
  /// 4 ms: whole samples for rates and resamplers, and within a queue's slot.
  private static let frames = 192

  private let queue: PlayerQueue
  private var maker = PacketMaker(frames: frames)
  private var payload = [UInt8](repeating: 0, count: 2 * frames * format.bytesPerSample)
  private var sequenceNumber: UInt16 = 0

  /// A feed of a listener's queue.
  init(_ queue: PlayerQueue) { self.queue = queue }

  /// Takes sound.
  ///
  /// - Parameters:
  ///   - samples: interleaved stereo at 48 kHz, joined to what came before without a click.
  ///   - start: the media time of its first frame.
  ///   - end: the capture instant of the frame after its last.
  mutating func append(_ samples: Span<Float>, at start: MediaTime, endingAt end: HostTime) {
    var taken = 0
    while maker.fill(from: samples, taken: &taken, at: start, endingAt: end) { publish() }
  }

  private mutating func publish() {
    guard let packet = maker.packet else { return }
    do {
      let samples = maker.samples  // the same storage
      var room = payload.mutableSpan
      Self.format.encode(samples.span, into: &room)
    }
    maker.release()
    let header = RTPHeader(
      payloadType: Self.payloadType, sequenceNumber: sequenceNumber,
      timestamp: UInt32(truncatingIfNeeded: packet.start.frames), ssrc: 1, marker: packet.isMarked)
    sequenceNumber &+= 1
    unsafe payload.withUnsafeBytes { bytes in
      unsafe queue.playerHeard(header, bytes, now: HostClock.now)
    }
  }
}
