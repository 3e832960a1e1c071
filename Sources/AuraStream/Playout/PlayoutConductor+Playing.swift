extension PlayoutConductor {
  /// Takes in what the output has done.
  package mutating func report(_ report: OutputReport) {
    output.insert(report)
    silentFrames = report.silentFrames
    guard output.moves != outputMoves else { return }
    outputMoves = output.moves
    settling.begin(now: report.instant)
  }

  /// Takes note of what was given to the output.
  ///
  /// - Parameters:
  ///   - frames: how many it took.
  ///   - refused: how many it had no room for: they are lost.
  package mutating func didWrite(frames: Int, refused: Int = 0) {
    written += frames
    if refused > 0 { loseAlignment() }
  }

  /// When `next` has something to do at the latest; nil while no output runs.
  package var nextDeadline: HostTime? { output.deadline(nextFrame).map { $0 - margin } }

  /// Decides what to play next.
  ///
  /// - Parameters:
  ///   - now: the present.
  ///   - held: frames that lie between what is decoded and the output: resampler and limiter.
  /// - Returns: the step, which is to be played; nil when the output has enough for now, or does not run.
  package mutating func next(now: HostTime, held: Int) -> Step? {
    self.held = held
    guard output.isRunning(now: now), let deadline = nextDeadline,
      let heard = output.instantHeard(nextFrame).map({ $0 + .frames(held) })
    else {
      loseAlignment()
      silentBefore = silentFrames
      return nil
    }
    guard deadline <= now else { return nil }
    noteUnderrun()
    let elapsed = Double(lastFrames) / Double(MediaTime.rate)
    delay.update(pipeline: pipeline, elapsed: elapsed)
    followPlan(heard: heard, elapsed: elapsed)
    let step = step(heard: heard, elapsed: elapsed, now: now)
    wasSilent = if case .silence = step.sound { true } else { false }
    return step
  }

  private mutating func step(heard: HostTime, elapsed: Double, now: HostTime) -> Step {
    guard let reference, let delay = currentDelay, mayStart(now) else {
      return silence(Self.silenceFrames)
    }
    let due = heard - delay
    guard isAligned else { return align(at: reference.mediaTime(at: due), heard: heard, now: now) }
    settlePending()
    error = (due - reference.instant(of: position + pending)).inSeconds
    if mustMove(now: now) {
      loseAlignment()
      return align(at: reference.mediaTime(at: due), heard: heard, now: now)
    }
    if parameters.correctsDrift { controller.update(error: error, elapsed: elapsed) }
    if let first = buffer.first, first.start <= position, let frame = buffer.removeFirst() {
      let skipping = Int(position.frames - frame.start.frames)
      return play(frame, skipping: skipping, heard: heard, now: now)
    }
    if giveUpDelay(now: now), let grown = currentDelay {
      return align(at: reference.mediaTime(at: heard - grown), heard: heard, now: now)
    }
    return fill()
  }

  /// Where everything comes too late the delay would creep towards the arrivals in silence, for minutes:
  /// what cannot be heard is done at once.
  private mutating func giveUpDelay(now: HostTime) -> Bool {
    guard gapRun > Self.longestConcealment, followsArrivals, let lateRun,
      now - lateRun.since >= Self.longestLateness
    else { return false }
    let grown = delay.catchUp(lateness: lateRun.least, pipeline: pipeline)
    guard grown > .zero else { return false }
    counts.stretched += grown.frames()
    loseAlignment()
    return true
  }

  /// Whether the delay is as long as the arrivals need it.
  private var followsArrivals: Bool { !(isExact && delay.fixed != nil) }

  /// Whether the error is one that is not left to the speed.
  private mutating func mustMove(now: HostTime) -> Bool {
    if abs(error) > Self.farthest.inSeconds {
      counts.jumps += 1
      return true
    }
    let uncertainty = isExact ? serverClock.usualError?.inSeconds ?? 0 : 0
    guard pending == 0,
      settling.mustPlaceAgain(error: error, uncertainty: uncertainty, now: now)
    else { return false }
    counts.resettlements += 1
    return true
  }

  /// Moves the delay as the broadcast wants it.
  private mutating func followPlan(heard: HostTime, elapsed: Double) {
    guard isExact, let reference, let delay = currentDelay else { return }
    let place = isAligned ? position + pending : reference.mediaTime(at: heard - delay)
    if self.delay.updateFilm(at: place, isPlaying: isAligned, elapsed: elapsed) { loseAlignment() }
    makeRoomForHeadphone()
  }

  /// A headphone may need more than film mode's delay: then it is heard late, rather than never.
  private mutating func makeRoomForHeadphone() {
    guard headphone > .zero, let film = delay.film.delay,
      let needed = delay.needed(pipeline: pipeline)
    else {
      leastForHeadphone = .zero
      return
    }
    if film >= leastForHeadphone { leastForHeadphone = .zero }
    guard needed > max(film, leastForHeadphone) else { return }
    leastForHeadphone = needed + Self.headphoneMargin
    loseAlignment()
  }

  /// What keeps sound where it belongs, and moves it as the delay moves.
  private var speed: Double {
    leastForHeadphone > .zero ? controller.speed : controller.speed - delay.film.slope
  }

  /// Where a delay counts from the capture, its instants are waited for; but not for ever.
  private func mayStart(_ now: HostTime) -> Bool {
    if isAligned || isExact || delay.fixed == nil { return true }
    let longest =
      counts.alignments == 0 ? Self.longestIgnorance.first : Self.longestIgnorance.later
    return firstArrival.map { now - $0 >= longest } ?? false
  }

  /// Finds the frame that belongs here, or waits for it in silence.
  private mutating func align(at target: MediaTime, heard: HostTime, now: HostTime) -> Step {
    buffer.pass(target)
    guard let first = buffer.first else { return silence(Self.silenceFrames) }
    let ahead = Int(first.start.frames - target.frames)
    if ahead > 0 { return silence(min(ahead, Self.silenceFrames)) }
    guard let frame = buffer.removeFirst() else { return silence(Self.silenceFrames) }
    isAligned = true
    counts.alignments += 1
    settling.didPlace(now: now)
    error = 0
    controller.align()
    let step = play(frame, skipping: -ahead, heard: heard, now: now)
    return Step(sound: step.sound, speed: step.speed, isSplice: true)
  }

  private mutating func play(
    _ frame: JitterBuffer.Frame, skipping: Int, heard: HostTime, now: HostTime
  ) -> Step {
    position = frame.end
    lastIndex = frame.index
    gapRun = 0
    lateRun = nil
    lastFrames = frame.frames - skipping
    counts.played += lastFrames
    stages.note(
      buffer: now - frame.arrival, waiting: heard - now - output.delay, output: output.delay,
      now: now)
    return Step(
      sound: .decode(frame, skipping: skipping), speed: speed, isSplice: wasSilent)
  }

  /// What was made up was instead of a frame when a later one has come, and before it when it has
  /// come itself: then the delay has grown by that, if it may.
  private mutating func settlePending() {
    guard pending > 0, let first = buffer.first else { return }
    let gap = max(0, Int(first.start.frames - position.frames))
    let instead = min(gap, pending)
    let before = pending - instead
    let grown = delay.grow(by: .frames(before)).frames()
    counts.stretched += grown
    position = position + (pending - grown)
    pending = 0
    buffer.pass(position)
  }

  /// The frame that belongs here has not come.
  private mutating func fill() -> Step {
    guard let first = buffer.first else { return wait() }
    let missing = Int(first.start.frames - position.frames)
    let wasCaptured = lastIndex.flatMap { last in first.index.map { $0 != last + 1 } } ?? true
    let frames = min(missing, packetFrames)
    if followsArrivals, lateness.isDelayWrong, delay.grow(by: .frames(frames), pipeline: pipeline) {
      // Here a gap is heard anyway: what is made up comes before the frame, which has that time to come.
      counts.stretched += frames
      return makeUp(frames, asSilence: !wasCaptured)
    }
    position = position + frames
    buffer.pass(position)
    return makeUp(frames, asSilence: !wasCaptured)
  }

  /// Nothing at all is here. It may be lost or late: that shows with the next arrival.
  private mutating func wait() -> Step {
    let frames = packetFrames
    // Beyond that it is an outage: time goes on without us.
    if followsArrivals, gapRun + frames <= Self.longestStretch {
      pending += frames
    } else {
      position = position + (pending + frames)
      pending = 0
      buffer.pass(position)
    }
    return makeUp(frames, asSilence: false)
  }

  private mutating func makeUp(_ frames: Int, asSilence: Bool) -> Step {
    gapRun += frames
    lastFrames = frames
    if asSilence || gapRun > Self.longestConcealment {
      counts.silent += frames
      return Step(
        sound: .silence(frames: frames), speed: speed, isSplice: !wasSilent)
    }
    counts.concealed += frames
    return Step(sound: .conceal(frames: frames), speed: speed, isSplice: false)
  }

  /// Silence while there is nothing to be played.
  private mutating func silence(_ frames: Int) -> Step {
    lastFrames = frames
    return Step(sound: .silence(frames: frames), speed: speed, isSplice: !wasSilent)
  }

  /// An output that ran dry plays everything later: at that join sound is put in its place, and
  /// from now on more is kept ready: 2 ms, forgotten in a minute, so that only what comes back sooner adds up.
  private mutating func noteUnderrun() {
    let ease = Duration.frames(lastFrames) / 30_000
    margin = max(parameters.margin, margin - ease)
    guard silentFrames != silentBefore else { return }
    silentBefore = silentFrames
    guard isAligned else { return }
    counts.underruns += 1
    margin = min(margin + .milliseconds(2), parameters.margin + .milliseconds(20))
    loseAlignment()
  }

  mutating func loseAlignment() {
    isAligned = false
    pending = 0
    gapRun = 0
    lateRun = nil
  }
}
