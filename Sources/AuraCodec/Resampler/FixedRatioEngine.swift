internal import CSoxr

/// libsoxr at one ratio, tuned for little delay.
@safe struct FixedRatioEngine: ~Copyable {
  private let handle: OpaquePointer
  private let channels: Int

  init(channels: Int, inputRate: Int, outputRate: Int) throws(CodecError) {
    // 20 bits: 129 dB. The smallest transforms and the widest transition halve the delay twice.
    var quality = unsafe soxr_quality_spec(UInt(SOXR_HQ), 0)
    unsafe quality.passband_end = 0.907
    unsafe quality.stopband_begin = Self.stopband(min(inputRate, outputRate))
    var io = unsafe soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I)
    var runtime = unsafe soxr_runtime_spec(1)
    unsafe runtime.log2_min_dft_size = 8
    unsafe runtime.log2_large_dft_size = 8
    var failure: soxr_error_t?
    let made = unsafe soxr_create(
      Double(inputRate), Double(outputRate), UInt32(channels), &failure, &io, &quality, &runtime)
    guard let made = unsafe made else {
      let reason = unsafe failure.map { unsafe String(cString: $0) } ?? "no reason given"
      throw CodecError("libsoxr cannot convert \(inputRate) Hz to \(outputRate) Hz (\(reason))")
    }
    unsafe handle = made
    self.channels = channels
  }

  /// An engine if one is needed.
  static func make(
    _ isNeeded: Bool, channels: Int, inputRate: Int, outputRate: Int
  ) throws(CodecError) -> Self? {
    guard isNeeded else { return nil }
    return try Self(channels: channels, inputRate: inputRate, outputRate: outputRate)
  }

  deinit { unsafe soxr_delete(handle) }

  /// Where the filter must have closed, relative to half the lower rate.
  ///
  /// What lies between the half rate and there folds down to as far below it: out of hearing
  /// from 42.1 kHz on.
  private static func stopband(_ lowerRate: Int) -> Double {
    Double(lowerRate) / 2 * 0.95 >= 20_000 ? 1.05 : 1
  }

  func convert(_ input: Span<Float>, ratio: Double, appendingTo output: inout [Float]) {
    unsafe input.withUnsafeBufferPointer { source in
      var consumed = 0
      let frames = source.count / channels
      unsafe appendRooms(first: frames, ratio: ratio, channels: channels, to: &output) {
        room, count in
        var used = 0
        var made = 0
        let rest = unsafe source.baseAddress.map { unsafe $0 + consumed * channels }
        unsafe soxr_process(handle, rest, frames - consumed, &used, room, count, &made)
        consumed += used
        return (made, consumed < frames)
      }
    }
  }

  func finish(appendingTo output: inout [Float]) {
    unsafe appendRooms(first: 1024, ratio: 1, channels: channels, to: &output) { room, count in
      var made = 0
      unsafe soxr_process(handle, nil, 0, nil, room, count, &made)
      return (made, false)
    }
  }

  func reset() { unsafe soxr_clear(handle) }
}
