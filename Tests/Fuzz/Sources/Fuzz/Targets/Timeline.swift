internal import AuraStream

extension Target {
  /// Captured blocks on the timeline, whatever a sound server says of their instants.
  static let timeline = Target(
    name: "timeline", executions: 30_000, longest: 300, run: tryTimeline,
    seeds: {
      let steady: [UInt8] = (0..<12).flatMap { _ in [1, 213, 128, 0] as [UInt8] }
      return [steady, steady + [1, 213, 140, 0] + steady + [2, 20, 0, 2, 255, 0] + steady]
    })
}

/// Four bytes a block: length, disagreement in eighths of a millisecond around 128, how late it
/// comes; or, when the first is even, time that passes without one.
private func tryTimeline(_ bytes: [UInt8]) {
  var program = ByteProgram(bytes)
  var timeline = CaptureTimeline()
  var fit = TimelineFit()
  var now = HostTime(nanoseconds: 1_000_000_000)
  var position: Int64 = 0
  while !program.isAtEnd {
    let kind = program.byte()
    if kind & 1 == 0 {
      now = now + .milliseconds(Int64(program.byte()) << (kind >> 1 & 7))
      guard let silence = timeline.silence(now: now, maximum: 480) else { continue }
      check((0...480).contains(silence.frames), "silence comes in the portions that are wanted")
      check(silence.at.frames >= position, "media time never goes back")
      position = silence.at.frames + Int64(silence.frames)
    } else {
      let frames = 8 + Int(program.byte()) * 4
      now = now + .frames(frames)
      let error = Duration.microseconds((Int64(program.byte()) - 128) * 125 << (kind >> 1 & 7))
      let late = Duration.milliseconds(Int64(program.byte()))
      let start = now - .frames(frames) + error
      let verdict = timeline.accept(capturedAt: start, frames: frames, now: now + late)
      if case .use(let at, let skipping, _) = verdict {
        check((0..<frames).contains(skipping), "some of a block that is used is left")
        check(at.frames >= position, "media time never goes back")
        position = at.frames + Int64(frames - skipping)
        fit.update(media: at, at: start)
        check(fit.ratePPM.isFinite, "a rate is a number")
      }
    }
    check(timeline.position.frames >= position, "the next frame goes behind all others")
    check(timeline.missingFrames >= 0 && timeline.discardedFrames >= 0, "counts only grow")
  }
}
