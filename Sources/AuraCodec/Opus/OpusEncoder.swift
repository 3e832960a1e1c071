internal import COpus
package import AuraStream

/// Encodes 48 kHz stereo float32, one packet's worth at a time. Not for several threads at once.
///
/// Constrained VBR: at the same mean rate it keeps attacks and tones that a constant rate blurs, and
/// no packet is longer than twice the mean; silence shrinks to a few bytes. In-band FEC is off (at
/// music's rates Opus has none), and so is DTX: a packet is sent for silence too, since a listener
/// takes a missing packet for a lost one.
@safe package struct OpusEncoder: ~Copyable {
  /// What was asked for.
  package let profile: OpusProfile
  /// Frames by which decoded sound lags behind what was encoded.
  ///
  /// The first frame decoded from a packet is the one this many frames before the packet's first.
  package let lookahead: Int

  private let handle: OpaquePointer
  /// Whether packets have the profile's length, and their bitrate varies.
  private var isVarying = true

  /// An encoder at rest.
  ///
  /// - Parameters:
  ///   - profile: packet length, bitrate and tuning.
  ///   - complexity: 0 to 10; measured in docs/measurements.md, "Opus".
  /// - Throws: `CodecError` when libopus cannot be used.
  package init(_ profile: OpusProfile, complexity: Int = 10) throws(CodecError) {
    precondition((0...10).contains(complexity), "a complexity out of range")
    unsafe handle = try Self.makeHandle(profile, complexity: complexity)
    self.profile = profile
    lookahead = max(0, Int(unsafe aura_opus_lookahead(handle)))
  }

  deinit { unsafe opus_encoder_destroy(handle) }

  /// Encodes the next packet's sound. Allocates nothing.
  ///
  /// - Parameters:
  ///   - samples: interleaved, the frames of a packet: 240, 480 or 960, and another number at any time.
  ///     What is not a number becomes silence.
  ///   - room: at least `OpusProfile.mostBytes` long; written from its beginning.
  /// - Returns: the length of the packet in bytes; nil when libopus refuses, and there is none.
  package mutating func encode(_ samples: Span<Float>, into room: inout MutableSpan<UInt8>) -> Int?
  {
    let frames = samples.count / 2
    if isVarying != (frames == profile.frames) { setVarying(frames == profile.frames) }
    precondition(frames == 240 || frames == 480 || frames == 960, "exactly one packet's frames")
    precondition(room.count >= OpusProfile.mostBytes, "a packet may need more room")
    let count = unsafe samples.withUnsafeBufferPointer { source in
      unsafe room.withUnsafeMutableBufferPointer { target in
        guard let from = source.baseAddress, let to = target.baseAddress else { return Int32(0) }
        return unsafe opus_encode_float(
          handle, from, Int32(frames), to, Int32(OpusProfile.mostBytes))
      }
    }
    return count > 0 ? Int(count) : nil
  }

  /// What constrained VBR learns of one length it applies to the next: libopus 1.3.1 gave the first
  /// 10 ms packet of a tone after 20 ms ones 3 bytes, and a gap was heard. A constant rate learns nothing.
  private mutating func setVarying(_ isVarying: Bool) {
    self.isVarying = isVarying
    _ = unsafe aura_opus_set(handle, OPUS_SET_VBR_REQUEST, isVarying ? 1 : 0)
  }

  private static func makeHandle(
    _ profile: OpusProfile, complexity: Int
  ) throws(CodecError) -> OpaquePointer {
    let application =
      switch profile.application {
      case .audio: OPUS_APPLICATION_AUDIO
      case .restrictedLowDelay: OPUS_APPLICATION_RESTRICTED_LOWDELAY
      }
    var status: Int32 = 0
    let made = unsafe opus_encoder_create(Int32(MediaTime.rate), 2, application, &status)
    guard let made = unsafe made else { throw unusable(status) }
    for (request, value) in [
      (OPUS_SET_BITRATE_REQUEST, profile.bitrate), (OPUS_SET_VBR_REQUEST, 1),
      (OPUS_SET_VBR_CONSTRAINT_REQUEST, 1), (OPUS_SET_COMPLEXITY_REQUEST, complexity),
      (OPUS_SET_INBAND_FEC_REQUEST, 0), (OPUS_SET_DTX_REQUEST, 0),
      // Left alone, libopus turns 5 ms packets of a low bitrate into mono.
      (OPUS_SET_FORCE_CHANNELS_REQUEST, 2),
    ] where status == OPUS_OK {
      status = unsafe aura_opus_set(made, request, Int32(value))
    }
    guard status == OPUS_OK else {
      unsafe opus_encoder_destroy(made)
      throw unusable(status)
    }
    return unsafe made
  }
}

/// The sentence for a libopus that does not work, whatever the reason.
func unusable(_ status: Int32) -> CodecError {
  CodecError("libopus cannot be used (\(unsafe String(cString: opus_strerror(status))))")
}
