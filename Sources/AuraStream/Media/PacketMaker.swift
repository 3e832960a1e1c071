/// Cuts captured sound into packets of one length, each with its place on the timeline.
///
/// Sound may come in blocks of any size. Where media time jumps, a packet that was begun is filled
/// up with silence and the next one begins after the jump. Allocates nothing.
///
///     var taken = 0
///     while maker.fill(from: sound, taken: &taken, …) { use maker.packet and maker.samples; maker.release() }
package struct PacketMaker: Sendable {
  /// One packet's place.
  package struct Packet: Equatable, Sendable {
    /// The media time of its first frame.
    package var start: MediaTime
    /// The instant at which its first frame was captured, as the last block had it.
    ///
    /// For statistics. What needs a steady instant asks `TimelineFit`.
    package var capturedAt: HostTime
    /// Whether it does not begin where the packet before it ended.
    package var isMarked: Bool
  }

  /// Frames in the packet that is being made.
  package private(set) var frames: Int
  /// The longest that a packet may be, in frames.
  package let mostFrames: Int
  /// A packet's sound, interleaved stereo, in the first `frames` frames; whole once `packet` is not nil.
  package private(set) var samples: [Float]

  private var current = Packet(
    start: MediaTime(frames: 0), capturedAt: HostTime(nanoseconds: 0), isMarked: true)
  private var filled = 0
  private var nextFrames: Int
  private var isBegun = false
  /// How far the next frames have faded in; `SpliceFader.frames` and above: entirely.
  private var fadedIn = SpliceFader.frames
  private var lastLeft: Float = 0
  private var lastRight: Float = 0

  /// A maker of packets.
  ///
  /// - Parameters:
  ///   - frames: in a packet.
  ///   - mostFrames: for as long as packets may become; nil where they stay as they are.
  package init(frames: Int, mostFrames: Int? = nil) {
    precondition(frames > 0, "a packet of no length")
    self.frames = frames
    nextFrames = frames
    self.mostFrames = max(frames, mostFrames ?? 0)
    samples = Array(repeating: 0, count: 2 * self.mostFrames)
  }

  /// Makes packets of another length, from the next one that is begun; at most `mostFrames`.
  package mutating func setFrames(_ count: Int) {
    precondition((1...mostFrames).contains(count), "a packet without room")
    nextFrames = count
    if filled == 0 { frames = count }
  }

  /// The packet that is complete and waits for `release`.
  package var packet: Packet? { filled == frames ? current : nil }

  /// Takes sound until a packet is complete.
  ///
  /// - Parameters:
  ///   - samples: interleaved stereo, joined without a click to what was given before.
  ///   - taken: how many frames of it have been taken already; moved on.
  ///   - start: the media time of its first frame; a jump ends the packet that was begun.
  ///   - end: the capture instant of the frame after its last.
  /// - Returns: whether one is complete, and to be released; else all has been taken.
  package mutating func fill(
    from samples: Span<Float>, taken: inout Int, at start: MediaTime, endingAt end: HostTime
  ) -> Bool {
    let count = samples.count / 2
    while taken < count {
      let rest = samples.extracting(2 * taken..<2 * count)
      taken += take(rest, at: start + taken, endingAt: end)
      if packet != nil { return true }
    }
    return false
  }

  /// Takes as much sound as the packet has room for.
  ///
  /// - Parameters:
  ///   - block: interleaved stereo, joined without a click to what was given before.
  ///   - start: the media time of its first frame. What was said already is left out.
  ///   - end: the capture instant of the frame after its last.
  /// - Returns: how many frames it took; possibly none, and then a packet is complete.
  package mutating func take(
    _ block: Span<Float>, at start: MediaTime, endingAt end: HostTime
  ) -> Int {
    precondition(filled < frames, "the last packet has not been released")
    let count = block.count / 2
    guard count > 0 else { return 0 }
    let jump = isBegun ? start.frames - position.frames : .max
    if jump < 0 { return Int(min(-jump, Int64(count))) }
    if jump > Int64(frames - filled) {
      if filled > 0 {
        fillWithSilence(frames - filled)
        return 0
      }
      begin(at: start)
    } else if jump > 0 {
      if filled == 0 { current.capturedAt = end - .frames(count + Int(jump)) }
      fillWithSilence(Int(jump))
      if filled == frames { return 0 }
    }
    if filled == 0 { current.capturedAt = end - .frames(count) }
    return append(block, frames: min(count, frames - filled))
  }

  /// Fills up a packet that was begun; there is none to release otherwise.
  package mutating func finish() {
    if filled > 0 { fillWithSilence(frames - filled) }
  }

  /// Makes room for the next packet, which follows the one that was complete.
  package mutating func release() {
    precondition(filled == frames, "there is no packet to release")
    filled = 0
    current.start = current.start + frames
    current.isMarked = false
    frames = nextFrames
  }

  /// Forgets what was begun: what is taken next begins anew.
  package mutating func reset() {
    filled = 0
    isBegun = false
    fadedIn = SpliceFader.frames
  }

  /// Where a frame goes that continues the last.
  private var position: MediaTime { current.start + filled }

  private mutating func begin(at start: MediaTime) {
    isBegun = true
    current.start = start
    current.isMarked = true
  }

  private mutating func append(_ block: Span<Float>, frames count: Int) -> Int {
    let base = 2 * filled
    for index in 0..<2 * count { samples[base + index] = block[index] }
    for frame in 0..<max(0, min(count, SpliceFader.frames - fadedIn)) {
      let gain = Float(fadedIn) / Float(SpliceFader.frames)
      samples[base + 2 * frame] *= gain
      samples[base + 2 * frame + 1] *= gain
      fadedIn += 1
    }
    lastLeft = samples[base + 2 * count - 2]
    lastRight = samples[base + 2 * count - 1]
    filled += count
    return count
  }

  /// The last frame dies away into the silence, and what follows it fades in.
  private mutating func fillWithSilence(_ count: Int) {
    let fading = min(count, SpliceFader.frames)
    for frame in 0..<count {
      let gain = max(0, 1 - Float(frame + 1) / Float(fading))
      samples[2 * (filled + frame)] = lastLeft * gain
      samples[2 * (filled + frame) + 1] = lastRight * gain
    }
    lastLeft = 0
    lastRight = 0
    fadedIn = 0
    filled += count
  }
}
