internal import AuraAudio
internal import AuraCodec
internal import AuraHost
internal import AuraStream

/// From received chunks to the output's tap: mix, volume, resampler, playout.
///
/// Belongs to the network thread. One for each connection: the format may change between them.
final class PlayoutChain {
  /// An output that has not asked for sound for this long is not running.
  private static let longestPause = Duration.milliseconds(250)

  private let format: OriginalFormat
  private let tap: PlaybackTap
  private var decoder: PCMDecoder
  private let mixer: ChannelMixer
  private var volume: VolumeControl
  private let recorder: Recorder?
  private var resampler: Resampler
  private var controller: PlayoutController
  private var fader = SpliceFader()
  private var meter = LevelMeter()
  private var samples: [Float] = []
  private var stereo: [Float] = []
  private var output: [Float] = []
  private var silentFramesBefore: Int
  private var skippedFramesTold = 0

  /// Sound that found no room in the tap, or no output to play it, in frames.
  private(set) var lostFrames = 0

  /// - Throws: `CodecError` when the resampler cannot be had.
  init(format: OriginalFormat, tap: PlaybackTap, options: Listener.Options) throws(CodecError) {
    self.format = format
    self.tap = tap
    decoder = PCMDecoder(
      format: PCMFormat(
        encoding: .f32le, sampleRate: format.sampleRate, channels: format.channels))
    mixer = ChannelMixer(channels: format.channels)
    volume = options.volume
    recorder = options.recorder
    resampler = try Resampler(
      channels: 2, inputRate: format.sampleRate, outputRate: MediaTime.rate)
    controller = PlayoutController(fixedTarget: options.buffer)
    silentFramesBefore = tap.silentFrames
  }

  var decibels: Double { meter.decibels }
  /// Whether the last chunk found an output that plays.
  private(set) var isPlaying = false

  /// Frames skipped since this was last asked.
  func takeSkippedFrames() -> Int {
    defer { skippedFramesTold = controller.skippedFrames }
    return controller.skippedFrames - skippedFramesTold
  }
  var rateCorrection: Double { controller.rateCorrection }
  var target: Duration { controller.target }
  var lead: Duration { controller.lead ?? .zero }

  /// Plays one chunk.
  ///
  /// - Parameters:
  ///   - chunk: the bytes of one message, of the format's size.
  ///   - now: the instant of arrival.
  func play(_ chunk: [UInt8], now: HostTime) {
    convert(chunk)
    guard let lastRender = tap.lastRender, now - lastRender < Self.longestPause else {
      // Nobody plays: what came meanwhile must not wait for them.
      lostFrames += output.count / 2
      silentFramesBefore = tap.silentFrames
      isPlaying = false
      return
    }
    isPlaying = true
    let silence = Duration.frames(tap.silentFrames - silentFramesBefore)
    let lead = Duration.frames(tap.waitingFrames) - (now - lastRender)
    let action = controller.arrival(
      frames: output.count / 2, lead: lead, silence: silence, now: now)
    if action.padFrames > 0 { pad(frames: action.padFrames) }
    if action.skipFrames > 0 {
      output.removeFirst(2 * min(action.skipFrames, output.count / 2))
      fader.splice()
    }
    var span = output.mutableSpan
    fader.apply(to: &span)
    recorder?.take(sound: output)
    write(output)
    silentFramesBefore = tap.silentFrames
  }

  private func convert(_ chunk: [UInt8]) {
    samples.removeAll(keepingCapacity: true)
    unsafe decoder.decode(chunk.span.bytes, appendingTo: &samples)
    stereo.removeAll(keepingCapacity: true)
    let decoded = samples
    mixer.mixToStereo(decoded.span, appendingTo: &stereo)
    let mixed = stereo  // the same storage; a span must borrow from a local
    output.removeAll(keepingCapacity: true)
    resampler.convert(mixed.span, speed: controller.rateCorrection, appendingTo: &output)
    // Last, for a resampler overshoots full scale a little.
    do {
      var span = output.mutableSpan
      volume.apply(to: &span)
    }
    let heard = output
    meter.measure(heard.span, duration: .frames(heard.count / 2))
  }

  /// Silence before the next sound, which then fades in from nothing.
  private func pad(frames: Int) {
    write([Float](repeating: 0, count: 2 * frames))
    fader = SpliceFader()
    fader.splice()
  }

  private func write(_ samples: [Float]) {
    let frames = samples.count / 2
    let written = unsafe samples.withUnsafeBufferPointer { buffer in
      unsafe buffer.baseAddress.map { unsafe tap.write($0, frames: frames) } ?? 0
    }
    lostFrames += frames - written
  }
}
