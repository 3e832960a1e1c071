/// Where the time between capture and ear goes, part by part; nil where a part is not known.
package struct DelayParts: Equatable, Sendable {
  /// Until the sound system has handed sound over, and it is coded and sent: all that is neither
  /// packet nor network before it is here.
  package var capture: Duration?
  /// A packet's own length: its first frame waits for its last.
  package var packet: Duration?
  /// Half of the way there and back.
  package var network: Duration?
  /// From a packet's arrival until its frame is decoded.
  package var buffer: Duration?
  /// From then until the output takes it: decoder, resampler, limiter.
  package var decode: Duration?
  /// From there to the ear, as the sound system says.
  package var output: Duration?

  package init() {}

  /// Every part with its name in reports, in the order sound walks through them.
  package static let all:
    [(name: String, path: any WritableKeyPath<DelayParts, Duration?> & Sendable)] =
      [
        ("capture", \.capture), ("packet", \.packet), ("network", \.network), ("buffer", \.buffer),
        ("decode", \.decode), ("output", \.output),
      ]
}
