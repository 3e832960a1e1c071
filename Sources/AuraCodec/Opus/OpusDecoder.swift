internal import COpus
internal import AuraStream

/// Decodes Opus to 48 kHz stereo float32, and fills in for packets that never came.
///
/// Not for several threads at once.
@safe package struct OpusDecoder: ~Copyable {
  /// The most frames a packet can have: 120 ms (RFC 6716, section 3.2).
  package static let mostFrames = MediaTime.rate / 1000 * 120

  private let handle: OpaquePointer

  /// A decoder at rest.
  ///
  /// - Throws: `CodecError` when libopus cannot be used.
  package init() throws(CodecError) {
    var failure: Int32 = 0
    let made = unsafe opus_decoder_create(Int32(MediaTime.rate), 2, &failure)
    guard let made = unsafe made else { throw unusable(failure) }
    unsafe handle = made
  }

  deinit { unsafe opus_decoder_destroy(handle) }

  /// How many frames a packet has; nil when it is not an Opus packet.
  package static func frames(in packet: Span<UInt8>) -> Int? {
    let count = unsafe packet.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress, !bytes.isEmpty else { return Int32(0) }
      return unsafe opus_packet_get_nb_samples(
        base, Int32(clamping: bytes.count), Int32(MediaTime.rate))
    }
    return count > 0 ? Int(count) : nil
  }

  /// Decodes the next packet.
  ///
  /// - Parameters:
  ///   - packet: from the network: anything at all.
  ///   - output: the frames are appended, interleaved; untouched when there are none.
  /// - Returns: how many frames; nil when the packet is malformed: drop and count it.
  package mutating func decode(
    _ packet: Span<UInt8>, appendingTo output: inout [Float]
  ) -> Int? {
    guard let frames = Self.frames(in: packet), frames <= Self.mostFrames else { return nil }
    return unsafe packet.withUnsafeBufferPointer {
      unsafe decode($0, frames: frames, appendingTo: &output)
    }
  }

  /// Makes up sound for packets that are missing, ever quieter.
  ///
  /// - Parameters:
  ///   - frames: how many, rounded up to 2.5 ms; at most `mostFrames`.
  ///   - output: the frames are appended, interleaved.
  package mutating func conceal(frames: Int, appendingTo output: inout [Float]) {
    precondition((0...Self.mostFrames).contains(frames), "more than can be concealed at once")
    let step = MediaTime.rate / 400
    let rounded = (frames + step - 1) / step * step
    guard rounded > 0 else { return }
    let nothing = unsafe UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    _ = unsafe decode(nothing, frames: rounded, appendingTo: &output)
  }

  /// Forgets all sound; the next packet begins anew.
  package mutating func reset() { _ = unsafe aura_opus_reset_decoder(handle) }

  private func decode(
    _ packet: UnsafeBufferPointer<UInt8>, frames: Int, appendingTo output: inout [Float]
  ) -> Int? {
    let made = unsafe output.appendFilling(2 * frames) { base in
      let made = unsafe Int(
        opus_decode_float(
          handle, packet.baseAddress, Int32(packet.count), base, Int32(frames), 0))
      return (2 * max(0, made), made)
    }
    guard let made, made > 0 else { return nil }
    return made
  }
}
