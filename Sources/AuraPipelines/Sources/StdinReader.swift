internal import AuraCodec
internal import AuraHost
internal import AuraStream

/// Raw sound from a descriptor as 48 kHz stereo, less the stale part of it.
struct StdinReader: ~Copyable {
  /// What a read has found.
  enum State {
    /// The block is whole.
    case ready
    /// Nothing was taken: it would not be whole.
    case starving
    /// The block is the last, perhaps short or empty; why there are no more.
    case ended(reason: String)
  }

  private let input: InputDescriptor
  private let format: PCMFormat
  private var decoder: PCMDecoder
  private var converter: StereoConverter
  private var backlog = StdinBacklog()
  private var fader = SpliceFader()
  private var bytes: [UInt8] = []
  private var decoded: [Float] = []
  private var endReason: String?

  init(input: InputDescriptor, format: PCMFormat) throws(CodecError) {
    self.input = input
    self.format = format
    decoder = PCMDecoder(format: format)
    converter = try StereoConverter(channels: format.channels, sampleRate: format.sampleRate)
  }

  /// Samples that were no number.
  var nonFiniteSamples: Int { decoder.nonFiniteSamples }

  /// Reads as much as a block of `frames` takes, and appends it.
  mutating func read(frames: Int, into block: inout [Float]) -> State {
    while converter.readyFrames < frames, endReason == nil {
      let wanted = converter.inputFrames(toHave: frames) * format.bytesPerFrame
      switch input.read(atMost: wanted - decoder.partialBytes, into: &bytes) {
      case .bytes(let count): decode(count)
      case .nothing: return .starving
      case .end: end("")
      case .failed(let reason): end("stdin could not be read (\(reason)); start again")
      }
    }
    _ = converter.take(frames: frames, into: &block)
    var samples = block.mutableSpan
    fader.apply(to: &samples)
    if let endReason, converter.readyFrames == 0 { return .ended(reason: endReason) }
    return .ready
  }

  /// Throws away what is stale; returns how many frames at 48 kHz.
  mutating func discardBacklog(now: HostTime) -> Int {
    guard input.kind == .stream, endReason == nil, let waiting = input.waitingBytes else {
      return 0
    }
    let need = converter.inputFrames(toHave: BlockSchedule.frames)
    let beyond = max(0, waiting / format.bytesPerFrame - need)
    let stale = backlog.judge(
      waiting: .frames(beyond, at: format.sampleRate),
      isFull: backlog.isLearning && input.isFull,
      isHungUp: backlog.isLive && input.isHungUp, now: now)
    let frames = stale.frames(at: format.sampleRate)
    guard frames > 0 else { return 0 }
    let skipped = skip(bytes: frames * format.bytesPerFrame) / format.bytesPerFrame
    fader.splice()
    return converter.discard() + Duration.frames(skipped, at: format.sampleRate).frames()
  }

  /// Whole frames are skipped, so a frame that has begun goes on with the right bytes of another.
  private mutating func skip(bytes count: Int) -> Int {
    var skipped = 0
    while skipped < count {
      guard case .bytes(let read) = input.read(atMost: count - skipped, into: &bytes) else { break }
      skipped += read
    }
    return skipped
  }

  private mutating func decode(_ count: Int) {
    decoded.removeAll(keepingCapacity: true)
    let received = bytes
    unsafe decoder.decode(received.span.extracting(0..<count).bytes, appendingTo: &decoded)
    let frames = decoded
    converter.convert(frames.span)
  }

  private mutating func end(_ reason: String) {
    endReason = reason
    converter.finish()
  }
}
