internal import AuraCodec
internal import AuraStream

/// Turns the broadcast's sound into chunks of the original protocol: rate, channels, size.
struct ChunkMaker: ~Copyable {
  private let format: OriginalFormat
  private let samplesPerChunk: Int
  private var resampler: Resampler
  private var mono: [Float] = []
  private var pending: [Float] = []
  private var lastEnd = HostTime(nanoseconds: 0)

  /// - Throws: `CodecError` when the resampler cannot be had.
  init(_ format: OriginalFormat) throws(CodecError) {
    self.format = format
    samplesPerChunk = format.chunkSize * format.channels
    resampler = try Resampler(
      channels: format.channels, inputRate: MediaTime.rate, outputRate: format.sampleRate,
      ratio: .fixed)
  }

  /// Takes sound and publishes every chunk that is complete.
  ///
  /// - Parameters:
  ///   - samples: interleaved stereo at 48 kHz.
  ///   - end: the capture instant of the frame after the last.
  ///   - publish: called with one chunk's samples and the instant of its first frame.
  mutating func append(
    _ samples: Span<Float>, endingAt end: HostTime,
    publish: (Span<Float>, HostTime) -> Void
  ) {
    if format.channels == 1 {
      mono.removeAll(keepingCapacity: true)
      ChannelMixer.mixToMono(samples, appendingTo: &mono)
      let mixed = mono
      resampler.convert(mixed.span, appendingTo: &pending)
    } else {
      resampler.convert(samples, appendingTo: &pending)
    }
    lastEnd = end
    publishWholeChunks(publish)
  }

  /// Publishes what is left, filled up with silence.
  mutating func finish(publish: (Span<Float>, HostTime) -> Void) {
    resampler.finish(appendingTo: &pending)
    publishWholeChunks(publish)
    guard !pending.isEmpty else { return }
    pending += Array(repeating: 0, count: samplesPerChunk - pending.count)
    publishWholeChunks(publish)
  }

  private mutating func publishWholeChunks(_ publish: (Span<Float>, HostTime) -> Void) {
    var start = 0
    while pending.count - start >= samplesPerChunk {
      let framesToEnd = (pending.count - start) / format.channels
      let instant = lastEnd - .frames(framesToEnd, at: format.sampleRate) - resampler.held
      publish(pending.span.extracting(start..<start + samplesPerChunk), instant)
      start += samplesPerChunk
    }
    pending.removeFirst(start)
  }
}
