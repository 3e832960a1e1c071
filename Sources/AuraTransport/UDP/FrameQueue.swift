internal import AuraStream

/// One encoded frame of the broadcast, as every listener gets it.
struct EncodedFrame {
  /// Frames at 48 kHz from the broadcast's beginning, from a random start; wraps.
  var timestamp: UInt32
  /// The instant of the first frame on the broadcast's fitted timeline.
  var capturedAt: HostTime
  /// Whether the timestamp has jumped.
  var marker: Bool
  var byteCount: Int
  /// How uncompressed sound is coded; nil for Opus.
  var linear: LinearAudio?
  /// When frames are to be heard, from this one on.
  var notice: PresentationNotice
}

/// Encoded frames on their way from the media thread to one sender shard.
typealias FrameQueue = PayloadQueue<EncodedFrame>

extension PayloadQueue where Header == EncodedFrame {
  /// 0.3 s of the shortest packets, Opus and uncompressed: what comes later is of no use to anyone.
  convenience init() { self.init(slots: 192) }
}
