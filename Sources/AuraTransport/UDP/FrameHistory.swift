internal import AuraStream

/// The broadcast's newest frames, which a shard's listeners share: each is a number of frames behind.
///
/// For one thread. Allocates nothing after it is made.
struct FrameHistory: ~Copyable {
  /// 2.5 s of film mode's packets: more than anybody's hold.
  static let capacity = 128

  private var forms = FrameForms(capacity: capacity)
  private var frames: [EncodedFrame] = []
  /// Frames at 48 kHz in a packet, as far as that has shown itself.
  private(set) var packetFrames = 960

  init() { frames.reserveCapacity(Self.capacity) }

  /// How many frames are here.
  var count: Int { frames.count }

  var newest: EncodedFrame? { frames.isEmpty ? nil : frame(behind: 0) }

  /// One of the frames.
  ///
  /// - Parameter behind: how many came after it; less than `count`.
  /// - Returns: what is known of it.
  func frame(behind: Int) -> EncodedFrame { frames[(forms.taken - 1 - behind) % Self.capacity] }

  /// Takes the newest frame.
  ///
  /// - Returns: whether it can be sent.
  mutating func take(_ frame: EncodedFrame, _ payload: UnsafeRawBufferPointer) -> Bool {
    if let newest, !frame.marker { packetFrames = Int(frame.timestamp &- newest.timestamp) }
    guard unsafe forms.take(payload, timestamp: frame.timestamp) else { return false }
    if frames.count < Self.capacity {
      frames.append(frame)
    } else {
      frames[(forms.taken - 1) % Self.capacity] = frame
    }
    return true
  }

  /// A frame's payload; parameters and result as of `FrameForms.payload`.
  mutating func payload(
    behind: Int, olderFrames: Int, payloadType: UInt8
  ) -> (bytes: UnsafeRawBufferPointer, isRedundant: Bool) {
    unsafe forms.payload(behind: behind, olderFrames: olderFrames, payloadType: payloadType)
  }
}
