package import AuraStream

/// Captured sound in, encoded packets out: what the media thread runs once for each profile.
///
/// Allocates nothing while it runs. Not for several threads at once.
package struct OpusPacketizer: ~Copyable {
  /// Packets that libopus refused to make; a gap for the listeners.
  package private(set) var refusedPackets = 0

  /// 20 ms: longer packets would only be several frames of Opus in one.
  private static let mostFrames = 960

  private var maker: PacketMaker
  private var encoder: OpusEncoder
  private var payload = [UInt8](repeating: 0, count: OpusProfile.mostBytes)

  /// A packetizer at rest.
  ///
  /// - Parameters:
  ///   - profile: packet length, bitrate and tuning.
  ///   - complexity: as `OpusEncoder` takes it.
  /// - Throws: `CodecError` when libopus cannot be used.
  package init(_ profile: OpusProfile, complexity: Int = 10) throws(CodecError) {
    maker = PacketMaker(frames: profile.frames, mostFrames: Self.mostFrames)
    encoder = try OpusEncoder(profile, complexity: complexity)
  }

  /// What is made.
  package var profile: OpusProfile { encoder.profile }
  /// Frames by which decoded sound lags behind its packet's media time.
  package var lookahead: Int { encoder.lookahead }

  /// Makes packets of 240, 480 or 960 frames, from the next one that is begun.
  ///
  /// It is the same stream, and the same encoder: nothing is heard of the change.
  package mutating func setFrames(_ count: Int) { maker.setFrames(count) }

  /// Takes sound and publishes every packet that is complete.
  ///
  /// - Parameters:
  ///   - samples: interleaved stereo at 48 kHz, spliced: joined to what came before without a click.
  ///   - start: the media time of its first frame; a jump ends the packet that was begun.
  ///   - end: the capture instant of the frame after the last.
  ///   - publish: called with one packet: its payload, valid during the call only, and its place:
  ///     that of the first frame which is decoded from it. Because of the encoder's look-ahead that
  ///     one was captured some milliseconds before the first that went in.
  package mutating func append(
    _ samples: Span<Float>, at start: MediaTime, endingAt end: HostTime,
    publish: (Span<UInt8>, PacketMaker.Packet) -> Void
  ) {
    var taken = 0
    while maker.fill(from: samples, taken: &taken, at: start, endingAt: end) {
      publishPacket(publish)
    }
  }

  /// Publishes what is left, filled up with silence.
  ///
  /// - Parameter publish: as for `append`.
  package mutating func finish(publish: (Span<UInt8>, PacketMaker.Packet) -> Void) {
    maker.finish()
    publishPacket(publish)
  }

  private mutating func publishPacket(_ publish: (Span<UInt8>, PacketMaker.Packet) -> Void) {
    guard var packet = maker.packet else { return }
    packet.start = packet.start + -lookahead
    packet.capturedAt = packet.capturedAt - .frames(lookahead)
    let sound = maker.samples  // the same storage; a span must borrow from a local
    if let bytes = Self.encode(
      sound.span.extracting(0..<2 * maker.frames), with: &encoder, into: &payload)
    {
      publish(payload.span.extracting(0..<bytes), packet)
    } else {
      refusedPackets += 1
    }
    maker.release()
  }

  // Two properties at once: a span of one would keep all of self.
  private static func encode(
    _ samples: Span<Float>, with encoder: inout OpusEncoder, into payload: inout [UInt8]
  ) -> Int? {
    var room = payload.mutableSpan
    return encoder.encode(samples, into: &room)
  }
}
