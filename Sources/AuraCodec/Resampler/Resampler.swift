/// Converts interleaved float32 from one sample rate to another, block by block.
///
/// Blocks of any size join seamlessly: what comes out of many calls is what one call would have
/// given. The output is aligned with the input: its frame n is the input at n / outputRate. It is
/// only held back, by `delay`. Not for several threads at once.
package struct Resampler: ~Copyable {
  /// What the conversion is for; measured in docs/measurements.md, "Choosing a resampler".
  package enum Ratio: Sendable {
    /// Always the same ratio (libsoxr): a tenth of the processor time, 4 ms of delay at 44.1 kHz.
    case fixed
    /// A ratio that `speed` changes (libsamplerate): 1 ms of delay.
    case varying
  }

  /// The sample rates that are possible, in hertz.
  package static let rates = 1_000...768_000
  /// The largest change of speed that `convert` accepts, either way.
  package static let largestSpeed = 0.05

  private let channels: Int
  private let ratio: Ratio
  /// Output frames per input frame at ordinary speed.
  private let scale: Double
  private let fixed: FixedRatioEngine?
  private let varying: VaryingRatioEngine?
  private var recent: RecentFrames
  private var isPassingThrough: Bool
  /// Samples the varying engine is still to give that were passed through before it began.
  private var samplesToDrop = 0
  private var engineDelay = Duration.zero
  private let inputRate: Int
  private var givenFrames = 0
  private var madeFrames = 0

  /// A resampler at rest.
  ///
  /// - Parameters:
  ///   - channels: samples in a frame, 1 to 8.
  ///   - inputRate: frames a second of what is given.
  ///   - outputRate: frames a second of what comes out.
  ///   - ratio: `.fixed` where `speed` is never used.
  /// - Throws: `CodecError` for a rate outside `rates` or a ratio beyond 200.
  package init(
    channels: Int, inputRate: Int, outputRate: Int, ratio: Ratio = .varying
  ) throws(CodecError) {
    precondition((1...8).contains(channels), "a frame has 1 to 8 samples")
    let scale = try Self.scale(inputRate: inputRate, outputRate: outputRate)
    let isFixed = ratio == .fixed
    let fixed = try FixedRatioEngine.make(
      isFixed && inputRate != outputRate, channels: channels, inputRate: inputRate,
      outputRate: outputRate)
    let varying = try VaryingRatioEngine.make(!isFixed, channels: channels)
    self.scale = scale
    self.channels = channels
    self.inputRate = inputRate
    self.ratio = ratio
    self.fixed = fixed
    self.varying = varying
    recent = RecentFrames(channels: channels)
    isPassingThrough = inputRate == outputRate
    if !(isPassingThrough && isFixed) { engineDelay = measureDelay() }
  }

  private static func scale(inputRate: Int, outputRate: Int) throws(CodecError) -> Double {
    for rate in [inputRate, outputRate] where !rates.contains(rate) {
      throw CodecError(
        "a sample rate of \(rate) Hz cannot be converted; "
          + "use one from \(rates.lowerBound) to \(rates.upperBound) Hz")
    }
    let scale = Double(outputRate) / Double(inputRate)
    guard (1 / 200.0...200).contains(scale) else {
      throw CodecError(
        "\(inputRate) Hz cannot be converted to \(outputRate) Hz; use rates that lie closer")
    }
    return scale
  }

  /// The longest that a frame is held back; zero while sound passes through unchanged.
  package var delay: Duration { isPassingThrough ? .zero : engineDelay }

  /// How much is held back right now: the output so far ends that long before the input's end.
  ///
  /// A fixed ratio converts in lumps, so this lies anywhere up to `delay`; for a varying one it is
  /// `delay`.
  package var held: Duration {
    guard ratio == .fixed, !isPassingThrough else { return delay }
    let frames = Double(givenFrames) - Double(madeFrames) / scale
    return .nanoseconds(Int64(frames / Double(inputRate) * 1e9))
  }

  /// Converts a block.
  ///
  /// - Parameters:
  ///   - input: interleaved whole frames, any number of them.
  ///   - speed: how much faster than its rate the input is consumed: 0.0005 is 500 ppm and gives
  ///     that much less output. It is reached gradually within the block. Only with `.varying`.
  ///   - output: what could be converted is appended, interleaved.
  package mutating func convert(
    _ input: Span<Float>, speed: Double = 0, appendingTo output: inout [Float]
  ) {
    precondition(input.count % channels == 0, "only whole frames can be converted")
    precondition(abs(speed) <= Self.largestSpeed, "a speed beyond \(Self.largestSpeed)")
    precondition(speed == 0 || ratio == .varying, "a fixed ratio has no speed")
    guard !input.isEmpty else { return }
    if speed != 0, isPassingThrough { leavePassThrough() }
    if isPassingThrough {
      unsafe input.withUnsafeBufferPointer { unsafe output.append(contentsOf: $0) }
      if ratio == .varying { recent.append(input) }
    } else {
      runEngine(input, speed: speed, appendingTo: &output)
    }
  }

  /// Gives what is still held back, as if silence followed, and rests.
  package mutating func finish(appendingTo output: inout [Float]) {
    if !isPassingThrough {
      let start = output.count
      fixed?.finish(appendingTo: &output)
      varying?.finish(ratio: scale, appendingTo: &output)
      dropPassedThrough(from: start, of: &output)
    }
    reset()
  }

  /// Forgets all sound; the next block begins anew.
  package mutating func reset() {
    fixed?.reset()
    varying?.reset()
    recent.removeAll()
    samplesToDrop = 0
    isPassingThrough = scale == 1
    givenFrames = 0
    madeFrames = 0
  }

  private mutating func runEngine(
    _ input: Span<Float>, speed: Double, appendingTo output: inout [Float]
  ) {
    let start = output.count
    fixed?.convert(input, ratio: scale, appendingTo: &output)
    varying?.convert(input, ratio: scale / (1 + speed), appendingTo: &output)
    givenFrames += input.count / channels
    madeFrames += (output.count - start) / channels
    dropPassedThrough(from: start, of: &output)
  }

  /// Lets the engine take over in the middle of sound: it is given the last frames again, and what
  /// it makes of them is dropped, for they have been passed through.
  private mutating func leavePassThrough() {
    isPassingThrough = false
    var again: [Float] = []
    let last = recent.samples
    samplesToDrop = last.count
    runEngine(last.span, speed: 0, appendingTo: &again)
    recent.removeAll()
  }

  private mutating func dropPassedThrough(from start: Int, of output: inout [Float]) {
    guard samplesToDrop > 0 else { return }
    let count = min(samplesToDrop, output.count - start)
    output.removeSubrange(start..<start + count)
    samplesToDrop -= count
  }

  /// How much the engine holds back at most, found by giving it silence frame by frame.
  private mutating func measureDelay() -> Duration {
    isPassingThrough = false
    let frame = [Float](repeating: 0, count: channels)
    var output: [Float] = []
    var held = 0.0
    for _ in 0..<8192 {
      output.removeAll(keepingCapacity: true)
      runEngine(frame.span, speed: 0, appendingTo: &output)
      held = max(held, Double(givenFrames) - Double(madeFrames) / scale)
    }
    reset()
    return .nanoseconds(Int64(held / Double(inputRate) * 1e9))
  }
}

/// The last frames of a stream, enough for a filter that takes over in the middle of it.
private struct RecentFrames {
  // Wider than the varying engine's filter is to either side: 47 frames.
  private static let frames = 64
  private let channels: Int
  private(set) var samples: [Float] = []

  init(channels: Int) {
    self.channels = channels
    samples.reserveCapacity(Self.frames * channels)
  }

  mutating func append(_ input: Span<Float>) {
    let room = Self.frames * channels
    let excess = samples.count + input.count - room
    if excess > 0 { samples.removeFirst(min(excess, samples.count)) }
    for index in max(0, input.count - room)..<input.count { samples.append(input[index]) }
  }

  mutating func removeAll() { samples.removeAll(keepingCapacity: true) }
}
