package import AuraStream
internal import Synchronization

/// Where the playout chain puts sound and where an output's callback takes it from.
///
/// One writer (the listener's thread), one reader (the sound system's callback). `render` is all
/// that an audio callback may call: it never waits, locks or allocates. Running dry and starting
/// again are faded over 2 ms, so neither clicks. What an output has gone through without asking is left out, so that
/// what comes after it is heard when it was to be.
package final class PlaybackTap: @unchecked Sendable {
  /// 2 ms: short enough not to be heard as a fade, long enough not to click.
  private static let fadeFrames = 96

  private let ring: SampleRing
  private let resumeThreshold: Atomic<Int>
  private let underrunCount = Atomic<Int>(0)
  private let silentFrameCount = Atomic<Int>(0)
  private let missedFrameCount = Atomic<Int>(0)
  private let renderedFrameCount = Atomic<Int>(0)
  private let renderedAt = Atomic<Int64>(0)
  private let outputDelay = Atomic<Int64>(0)
  private let largestRequest = Atomic<Int>(0)
  private let lastReport = SharedOutputReport()
  private let relaxing = Mutex(Relaxing())

  private struct Relaxing {
    var isRelaxed = false
    var follower: (@Sendable () -> Void)?
  }

  // Only the callback touches these.
  private var isPlaying = false
  private var fadePosition = PlaybackTap.fadeFrames  // frames into the fade; at its end, none
  private var fromLeft: Float = 0  // the last frame before the fade
  private var fromRight: Float = 0
  private var lastLeft: Float = 0  // the last frame rendered
  private var lastRight: Float = 0

  /// A tap that holds at least `minimumFrames` frames.
  ///
  /// - Parameters:
  ///   - minimumFrames: the least it must hold.
  ///   - resumeThreshold: frames that must be there before sound starts, at first and
  ///     after running dry.
  package init(minimumFrames: Int, resumeThreshold: Int) {
    ring = SampleRing(minimumFrames: minimumFrames)
    self.resumeThreshold = Atomic(resumeThreshold)
  }

  // MARK: The callback's side

  /// Reader: fills an output buffer. Safe on the audio thread.
  ///
  /// - Parameters:
  ///   - destination: room for `frames` interleaved stereo frames; all are written.
  ///   - frames: how many the sound system asks for.
  ///   - now: the instant of the call.
  ///   - delay: from then to this buffer's first frame at the ear, as the sound system reports it; negative by
  ///     as much as the call comes late where nothing lies between.
  ///   - missed: frames that the output has played since the last call without asking for them, as silence.
  package func render(
    into destination: UnsafeMutablePointer<Float>, frames: Int, at now: HostTime, delay: Duration,
    missed: Int = 0
  ) {
    if missed > 0 { miss(missed) }
    outputDelay.store(max(0, delay.inNanoseconds), ordering: .relaxed)
    if frames > largestRequest.load(ordering: .relaxed) {
      largestRequest.store(frames, ordering: .relaxed)
    }
    if !isPlaying, ring.readableFrames >= max(1, resumeThreshold.load(ordering: .relaxed)) {
      isPlaying = true
      beginFade()
    }
    let count = isPlaying ? unsafe ring.read(into: destination, frames: frames) : 0
    unsafe fade(destination, frames: count)
    if count < frames {
      if isPlaying {
        isPlaying = false
        underrunCount.wrappingAdd(1, ordering: .relaxed)
        beginFade()
      }
      let rest = unsafe destination + 2 * count
      unsafe rest.update(repeating: 0, count: 2 * (frames - count))
      unsafe fade(rest, frames: frames - count)
      silentFrameCount.wrappingAdd(frames - count, ordering: .relaxed)
    }
    renderedAt.store(now.nanoseconds, ordering: .relaxed)
    let before = renderedFrameCount.load(ordering: .relaxed)
    renderedFrameCount.store(before + frames, ordering: .releasing)
    lastReport.store(
      OutputReport(
        firstFrame: before, frames: frames, instant: now, delay: delay,
        silentFrames: silentFrameCount.load(ordering: .relaxed)))
  }

  /// The output has played silence where these frames belonged.
  private func miss(_ frames: Int) {
    let left = isPlaying ? min(frames, ring.readableFrames) : 0
    ring.skip(frames: left)
    silentFrameCount.wrappingAdd(frames - left, ordering: .relaxed)
    renderedFrameCount.wrappingAdd(frames, ordering: .releasing)
    missedFrameCount.wrappingAdd(frames, ordering: .relaxed)
    lastLeft = 0
    lastRight = 0
    beginFade()
  }

  private func beginFade() {
    fromLeft = lastLeft
    fromRight = lastRight
    fadePosition = 0
  }

  /// Crosses over from the frame before the change, and remembers the last frame.
  private func fade(_ samples: UnsafeMutablePointer<Float>, frames: Int) {
    guard frames > 0 else { return }
    var frame = 0
    while fadePosition < Self.fadeFrames, frame < frames {
      fadePosition += 1
      let gain = Float(fadePosition) / Float(Self.fadeFrames)
      unsafe samples[2 * frame] = samples[2 * frame] * gain + fromLeft * (1 - gain)
      unsafe samples[2 * frame + 1] = samples[2 * frame + 1] * gain + fromRight * (1 - gain)
      frame += 1
    }
    unsafe lastLeft = samples[2 * frames - 2]
    unsafe lastRight = samples[2 * frames - 1]
  }

  // MARK: The writer's side

  /// Writer: appends as many frames as fit.
  ///
  /// - Returns: how many were appended.
  package func write(_ samples: UnsafePointer<Float>, frames: Int) -> Int {
    unsafe ring.write(samples, frames: frames)
  }

  /// Frames that were ever written.
  package var writtenFrames: Int { ring.writtenFrames }

  /// Frames waiting to be played.
  package var waitingFrames: Int { ring.readableFrames }

  /// Frames that must be waiting before sound starts again after running dry.
  package func setResumeThreshold(_ frames: Int) {
    resumeThreshold.store(frames, ordering: .relaxed)
  }

  /// Writer: says whether the output may ask for much at a time, so that a computer that stands still for some
  /// milliseconds is forgiven. May wait for the sound system's loop for a moment.
  ///
  /// - Returns: whether the output follows.
  package func relax(_ isRelaxed: Bool) -> Bool {
    let follower = relaxing.withLock { relaxing in
      relaxing.isRelaxed = isRelaxed
      return relaxing.follower
    }
    follower?()
    return follower != nil
  }

  /// Whether the output may ask for much at a time.
  package var isRelaxed: Bool { relaxing.withLock { $0.isRelaxed } }

  /// Has the output told at once, and whenever `isRelaxed` may have changed; nil ends it.
  package func followRelaxing(_ follower: (@Sendable () -> Void)?) {
    relaxing.withLock { $0.follower = follower }
    follower?()
  }

  /// Times the output ran dry while playing.
  package var underruns: Int { underrunCount.load(ordering: .relaxed) }

  /// Frames of silence played because nothing was there.
  package var silentFrames: Int { silentFrameCount.load(ordering: .relaxed) }

  /// Frames that the output has played without asking for them, as silence.
  package var missedFrames: Int { missedFrameCount.load(ordering: .relaxed) }

  /// Frames the output has asked for or missed since the beginning: the output's own clock.
  package var renderedFrames: Int { renderedFrameCount.load(ordering: .acquiring) }

  /// The instant of the output's last request; nil before the first.
  package var lastRender: HostTime? {
    let nanoseconds = renderedAt.load(ordering: .relaxed)
    return nanoseconds == 0 ? nil : HostTime(nanoseconds: nanoseconds)
  }

  /// The output's last request, and all that belongs to it; nil before the first.
  package var report: OutputReport? { lastReport.load() }

  /// The largest request the output has made so far, in frames.
  package var largestRequestFrames: Int { largestRequest.load(ordering: .relaxed) }

  /// From a rendered frame to the ear, as the sound system last reported it.
  package var reportedOutputDelay: Duration {
    .nanoseconds(outputDelay.load(ordering: .relaxed))
  }
}
