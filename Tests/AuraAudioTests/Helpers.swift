internal import AuraAudio
internal import AuraHost
internal import AuraStream

/// Interleaved stereo frames whose left and right samples tell which frame they are.
///
/// Float32 holds whole numbers exactly up to 2^24, so the count wraps before that.
func numberedFrames(from first: Int, count: Int) -> [Float] {
  var samples: [Float] = []
  samples.reserveCapacity(2 * count)
  for frame in first..<first + count {
    let number = Float(frame & 0x7F_FFFF)
    samples.append(number)
    samples.append(-number)
  }
  return samples
}

func constantFrames(_ value: Float, count: Int) -> [Float] {
  [Float](repeating: value, count: 2 * count)
}

extension SampleRing {
  func write(_ samples: [Float]) -> Int {
    unsafe samples.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return 0 }
      return unsafe write(start, frames: samples.count / 2)
    }
  }

  /// What could be read of `frames` frames.
  func read(frames: Int) -> [Float] {
    unsafe [Float](unsafeUninitializedCapacity: 2 * frames) { buffer, count in
      guard let start = buffer.baseAddress else { return }
      count = unsafe 2 * read(into: start, frames: frames)
    }
  }
}

extension CaptureTap {
  func deliver(_ samples: [Float], capturedAt: HostTime) {
    unsafe samples.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      unsafe deliver(start, frames: samples.count / 2, capturedAt: capturedAt)
    }
  }

  /// The next block with its instant, taken.
  func take() -> (samples: [Float], capturedAt: HostTime)? {
    guard let block = nextBlock else { return nil }
    let samples = unsafe [Float](unsafeUninitializedCapacity: 2 * block.frames) { buffer, count in
      unsafe takeBlock(into: buffer.baseAddress)
      count = 2 * block.frames
    }
    return (samples, block.capturedAt)
  }
}

extension PlaybackTap {
  func write(_ samples: [Float]) -> Int {
    unsafe samples.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return 0 }
      return unsafe write(start, frames: samples.count / 2)
    }
  }

  /// What an output would be given, into memory full of noise.
  func render(
    frames: Int, at now: HostTime = HostTime(nanoseconds: 1), delay: Duration = .zero,
    missed: Int = 0
  ) -> [Float] {
    var samples = constantFrames(.nan, count: frames)
    unsafe samples.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      unsafe render(into: start, frames: frames, at: now, delay: delay, missed: missed)
    }
    return samples
  }
}

/// A repeatable source of chance, so that a failure can be seen again.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  // SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Whether `frames` continue the numbering of `numberedFrames` from `first`.
func isNumbered(_ samples: [Float], from first: Int) -> Bool {
  samples == numberedFrames(from: first, count: samples.count / 2)
}
