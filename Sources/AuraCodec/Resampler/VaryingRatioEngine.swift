internal import CSampleRate

/// libsamplerate at a ratio that changes from block to block.
@safe struct VaryingRatioEngine: ~Copyable {
  private let handle: OpaquePointer
  private let channels: Int

  init(channels: Int) throws(CodecError) {
    var failure: Int32 = 0
    let made = unsafe src_new(Int32(SRC_SINC_MEDIUM_QUALITY), Int32(channels), &failure)
    guard let made = unsafe made else {
      let reason = unsafe String(cString: src_strerror(failure))
      throw CodecError("libsamplerate cannot be used (\(reason))")
    }
    unsafe handle = made
    self.channels = channels
  }

  /// An engine if one is needed.
  static func make(_ isNeeded: Bool, channels: Int) throws(CodecError) -> Self? {
    guard isNeeded else { return nil }
    return try Self(channels: channels)
  }

  deinit { _ = unsafe src_delete(handle) }

  /// The ratio glides from the last one to `ratio` over the block.
  func convert(_ input: Span<Float>, ratio: Double, appendingTo output: inout [Float]) {
    unsafe input.withUnsafeBufferPointer { source in
      unsafe run(source, ratio: ratio, isLast: false, appendingTo: &output)
    }
  }

  func finish(ratio: Double, appendingTo output: inout [Float]) {
    let nothing: [Float] = [0]
    unsafe nothing.withUnsafeBufferPointer { source in
      let empty = unsafe UnsafeBufferPointer(start: source.baseAddress, count: 0)
      unsafe run(empty, ratio: ratio, isLast: true, appendingTo: &output)
    }
  }

  func reset() { _ = unsafe src_reset(handle) }

  private func run(
    _ source: UnsafeBufferPointer<Float>, ratio: Double, isLast: Bool,
    appendingTo output: inout [Float]
  ) {
    var consumed = 0
    let frames = source.count / channels
    // libsamplerate glides over the room it is given: the first room is what the block makes.
    unsafe appendRooms(first: frames, ratio: ratio, channels: channels, to: &output) {
      room, count in
      var request = unsafe SRC_DATA()
      unsafe request.data_in = source.baseAddress.map { unsafe $0 + consumed * channels }
      unsafe request.data_out = room
      unsafe request.input_frames = frames - consumed
      unsafe request.output_frames = count
      unsafe request.end_of_input = isLast ? 1 : 0
      unsafe request.src_ratio = ratio
      guard unsafe src_process(handle, &request) == 0 else { return (0, false) }
      consumed += unsafe request.input_frames_used
      return unsafe (request.output_frames_gen, consumed < frames)
    }
  }
}
