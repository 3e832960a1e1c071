internal import AuraCodec
internal import AuraStream

/// What a listener's packets hold.
enum PayloadFormat: Equatable, Sendable {
  case opus
  /// Uncompressed stereo at 48 kHz.
  case linear(LinearAudio)

  /// How many frames a payload has; nil when it is malformed.
  func frames(in payload: RawSpan) -> Int? {
    switch self {
    case .opus:
      let bytes = payload.array(0..<payload.byteCount)
      return OpusDecoder.frames(in: bytes.span)
    case .linear(let format): return format.frames(in: payload.byteCount)
    }
  }
}

/// Turns payloads into stereo sound, and makes sound up for those that never came.
struct PayloadDecoder: ~Copyable {
  private let format: PayloadFormat
  private var opus: OpusDecoder

  /// Payloads that could not be decoded.
  private(set) var refused = 0

  /// - Throws: `CodecError` when libopus cannot be used.
  init(_ format: PayloadFormat) throws(CodecError) {
    self.format = format
    opus = try OpusDecoder()
  }

  /// Decodes a payload.
  ///
  /// - Parameters:
  ///   - payload: as it came.
  ///   - frames: how many it must give: what is missing is made up.
  ///   - output: exactly that many frames are appended.
  mutating func decode(_ payload: [UInt8], frames: Int, appendingTo output: inout [Float]) {
    let start = output.count
    let made =
      switch format {
      case .opus: opus.decode(payload.span, appendingTo: &output)
      case .linear(let linear): linear.decode(payload.span, appendingTo: &output)
      }
    if made == nil { refused += 1 }
    let missing = frames - (made ?? 0)
    if missing > 0 { _ = conceal(frames: missing, appendingTo: &output) }
    output.removeLast(max(0, output.count - start - 2 * frames))
  }

  /// Makes sound up.
  ///
  /// - Parameters:
  ///   - frames: how many, at most 120 ms.
  ///   - output: exactly that many frames are appended.
  /// - Returns: whether it continues what was decoded before; silence does not.
  mutating func conceal(frames: Int, appendingTo output: inout [Float]) -> Bool {
    let start = output.count
    if format == .opus {
      opus.conceal(frames: min(frames, OpusDecoder.mostFrames), appendingTo: &output)
      // It comes in steps of 2.5 ms.
      output.removeLast(max(0, output.count - start - 2 * frames))
    }
    let missing = 2 * frames - (output.count - start)
    output.append(contentsOf: repeatElement(0, count: max(0, missing)))
    return format == .opus
  }
}
