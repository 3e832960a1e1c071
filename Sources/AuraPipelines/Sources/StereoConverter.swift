internal import AuraCodec
internal import AuraStream

/// Makes 48 kHz stereo of any channels and rate, and keeps it until it is taken.
struct StereoConverter: ~Copyable {
  private let mixer: ChannelMixer
  private var resampler: Resampler
  private let scale: Double
  private var stereo: [Float] = []
  private var ready: [Float] = []

  init(channels: Int, sampleRate: Int) throws(CodecError) {
    mixer = ChannelMixer(channels: channels)
    resampler = try Resampler(
      channels: 2, inputRate: sampleRate, outputRate: MediaTime.rate, ratio: .fixed)
    scale = Double(sampleRate) / Double(MediaTime.rate)
  }

  /// Frames at 48 kHz that can be taken.
  var readyFrames: Int { ready.count / 2 }

  /// Frames of input that `frames` ready ones ask for, leaving aside what the resampler holds.
  func inputFrames(toHave frames: Int) -> Int {
    max(0, Int((Double(frames - readyFrames) * scale).rounded(.up)))
  }

  /// Takes interleaved frames of the input's channels.
  mutating func convert(_ input: Span<Float>) {
    stereo.removeAll(keepingCapacity: true)
    mixer.mixToStereo(input, appendingTo: &stereo)
    let mixed = stereo
    resampler.convert(mixed.span, appendingTo: &ready)
  }

  /// Makes ready what the resampler still holds: the input has ended.
  mutating func finish() { resampler.finish(appendingTo: &ready) }

  /// Throws away everything; returns how many frames at 48 kHz were ready.
  mutating func discard() -> Int {
    let frames = readyFrames
    ready.removeAll(keepingCapacity: true)
    resampler.reset()
    return frames
  }

  /// Moves up to `frames` frames to the end of `block`; returns how many.
  mutating func take(frames: Int, into block: inout [Float]) -> Int {
    let count = min(frames, readyFrames)
    for index in 0..<2 * count { block.append(ready[index]) }
    ready.removeFirst(2 * count)
    return count
  }
}
