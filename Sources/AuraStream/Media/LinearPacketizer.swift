/// Captured sound in, uncompressed packets out: what the media thread runs once for each coding that
/// somebody listens to.
///
/// Allocates nothing while it runs. For one thread.
package struct LinearPacketizer: Sendable {
  /// How a sample is coded.
  package let coding: LinearAudio

  private var maker: PacketMaker
  private var payload: [UInt8]

  /// A packetizer at rest.
  package init(_ coding: LinearAudio) {
    self.coding = coding
    maker = PacketMaker(frames: coding.packetFrames)
    payload = Array(repeating: 0, count: coding.packetBytes)
  }

  /// Takes sound and publishes every packet that is complete.
  ///
  /// - Parameters:
  ///   - samples: interleaved stereo at 48 kHz, spliced: joined to what came before without a click.
  ///   - start: the media time of its first frame; a jump ends the packet that was begun.
  ///   - end: the capture instant of the frame after the last.
  ///   - publish: called with one packet: its payload, valid during the call only, and the place of
  ///     its first frame.
  package mutating func append(
    _ samples: Span<Float>, at start: MediaTime, endingAt end: HostTime,
    publish: (Span<UInt8>, PacketMaker.Packet) -> Void
  ) {
    var taken = 0
    while maker.fill(from: samples, taken: &taken, at: start, endingAt: end) {
      publishPacket(publish)
    }
  }

  /// Forgets what was begun, for nobody listens any more.
  package mutating func reset() { maker.reset() }

  private mutating func publishPacket(_ publish: (Span<UInt8>, PacketMaker.Packet) -> Void) {
    guard let packet = maker.packet else { return }
    let sound = maker.samples  // the same storage; a span must borrow from a local
    Self.encode(sound.span, as: coding, into: &payload)
    publish(payload.span, packet)
    maker.release()
  }

  // Two properties at once: a span of one would keep all of self.
  private static func encode(
    _ samples: Span<Float>, as coding: LinearAudio, into payload: inout [UInt8]
  ) {
    var room = payload.mutableSpan
    coding.encode(samples, into: &room)
  }
}
