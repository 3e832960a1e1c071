/// When a chunk of the original protocol is to be heard: the plan in force where it was captured.
package struct ChunkPresentation: Equatable, Sendable {
  /// As soon as it can be.
  package static let live = ChunkPresentation()

  /// From capture to ear; nil in live mode.
  package var delay: Duration?
  /// The plan's number.
  package var plan: UInt8 = 0
  /// Whether the source is silent just before the plan's first frame, so that all of a change is made there.
  package var isAtPause = false

  init() {}

  /// - Parameters:
  ///   - plan: what is in force.
  ///   - time: the chunk's place, near enough for a delay that moves by 20 ms a second.
  package init(_ plan: PresentationPlan, at time: MediaTime) {
    delay = plan.mode == .film ? plan.delay(at: time) : nil
    self.plan = plan.number
    isAtPause = plan.isAtPause
  }
}

/// Which chunk goes next to all clients of the original protocol, and when: in film mode so long before it is
/// to be heard as their players take, in live mode at once.
///
/// Those players have no clock and no way to be told: what moves their sound is a chunk that comes once more,
/// or is left out. So a delay moves by a chunk at a time, as fast as a plan does, or at once where the source
/// is silent. For one thread; allocates nothing after it is made.
package struct ChunkSchedule: Sendable {
  /// From a chunk's sending to the ear of a listener of ours (docs/measurements.md): its buffer, its
  /// resampler and the sound server. It cannot be told from the first AuraLync's, which is later.
  package static let passing = Duration.milliseconds(25)
  /// Wake-ups are no finer.
  private static let grain = Duration.milliseconds(1)
  /// Chunks from one move to the next: 1/50 of a second in each second.
  private static let pause = Int((1 / PresentationPlan.glide).rounded(.up))

  private let chunk: Duration
  private let slots: Int
  private var instants: [HostTime]
  private var presentations: [ChunkPresentation]
  /// How many chunks there are, and the first that has not gone yet.
  private var captured = 0
  private var next = 0
  /// How old a chunk's first frame is when it goes; in live mode how old the last one's was.
  private var hold = Duration.zero
  private var isHolding = false
  private var sinceMove = ChunkSchedule.pause
  private var lastRelease = HostTime(nanoseconds: 0)
  /// The first chunk of a plan that begins at a pause, until it has gone.
  private var step: Int?

  /// Chunks that were left out, and that went once more, because a delay changed.
  package private(set) var skipped = 0
  package private(set) var repeated = 0

  /// - Parameters:
  ///   - chunk: how long a chunk sounds.
  ///   - slots: how many chunks are remembered; at least `needed(chunk:)`.
  package init(chunk: Duration, slots: Int) {
    self.chunk = chunk
    self.slots = slots
    instants = Array(repeating: HostTime(nanoseconds: 0), count: slots)
    presentations = Array(repeating: .live, count: slots)
  }

  /// How many chunks of this length the longest delay asks for.
  package static func needed(chunk: Duration) -> Int {
    let longest = PresentationPlan.delays.upperBound.inNanoseconds
    return Int(longest / max(1, chunk.inNanoseconds)) + 2
  }

  /// The newest chunk has come.
  ///
  /// - Parameters:
  ///   - capturedAt: the instant of its first frame.
  ///   - presentation: when it is to be heard.
  package mutating func append(capturedAt: HostTime, _ presentation: ChunkPresentation) {
    let before = captured > 0 ? self.presentation(captured - 1) : presentation
    instants[captured % slots] = capturedAt
    presentations[captured % slots] = presentation
    if presentation.plan != before.plan { step = presentation.isAtPause ? captured : nil }
    captured += 1
    // Nobody has looked for long.
    next = max(next, captured - slots + 1)
  }

  /// When the first frame of a chunk was captured.
  package func instant(_ chunk: Int) -> HostTime { instants[chunk % slots] }

  private func presentation(_ chunk: Int) -> ChunkPresentation { presentations[chunk % slots] }

  private static func hold(for delay: Duration) -> Duration { max(.zero, delay - passing) }

  /// When there will be something to send; nil when only the next chunk can tell.
  package var nextDue: HostTime? {
    guard isHolding, next < captured else { return nil }
    let due = instant(next) + hold
    guard step == next, let delay = presentation(next).delay else { return due }
    let end = instant(next) + Self.hold(for: delay)
    return hasRoomForSilence(before: end) ? lastRelease + chunk : end
  }

  /// Whether what went last may go once more before something else is due.
  private func hasRoomForSilence(before end: HostTime) -> Bool {
    next > 0 && end - (lastRelease + chunk) > chunk / 2
  }

  /// Takes the next chunk that is due.
  ///
  /// - Parameters:
  ///   - isHeard: whether there are clients; else nothing has to be soft.
  ///   - now: the present.
  /// - Returns: its number; nil when nothing is due yet.
  package mutating func release(isHeard: Bool, now: HostTime) -> Int? {
    if let again = takeStep(isHeard: isHeard, now: now) { return again }
    guard next < captured, step != next else { return nil }
    if let delay = presentation(next).delay {
      return hold(to: Self.hold(for: delay), isHeard: isHeard, now: now)
    }
    return isHolding ? letGo(isHeard: isHeard, now: now) : go(now: now)
  }

  private mutating func go(now: HostTime) -> Int {
    if !isHolding { hold = now - instant(next) }
    lastRelease = now
    sinceMove = min(Self.pause, sinceMove + 1)
    defer { next += 1 }
    return next
  }

  /// Once more what went last.
  private mutating func goAgain(now: HostTime) -> Int {
    lastRelease = now
    repeated += 1
    return next - 1
  }

  private func isDue(_ due: HostTime, now: HostTime) -> Bool { due < now + Self.grain }

  // MARK: At a pause

  /// All before the pause's end is silent: it may be left out, or its end go again and again.
  private mutating func takeStep(isHeard: Bool, now: HostTime) -> Int? {
    guard let step else { return nil }
    guard let delay = presentation(step).delay else {
      leave(upTo: step)
      isHolding = false
      self.step = nil
      return nil
    }
    let target = Self.hold(for: delay)
    let due = instant(step) + target
    if isDue(due, now: now) || !isHeard {
      // Late as it is, or never held: what lies before it has been sent.
      leave(upTo: step)
      (hold, isHolding, self.step) = (target, true, nil)
      return nil
    }
    guard step == next, hasRoomForSilence(before: due), isDue(lastRelease + chunk, now: now)
    else { return nil }
    isHolding = true
    return goAgain(now: now)
  }

  private mutating func leave(upTo chunk: Int) {
    skipped += max(0, chunk - next)
    next = max(next, chunk)
    sinceMove = 0
  }

  // MARK: In sound

  private mutating func hold(to target: Duration, isHeard: Bool, now: HostTime) -> Int? {
    if !isHeard || next == 0 {
      hold = target
      while next + 1 < captured, isDue(instant(next + 1) + hold, now: now) { next += 1 }
    }
    isHolding = true
    guard isDue(instant(next) + hold, now: now) else { return nil }
    guard isHeard, sinceMove >= Self.pause, next > 0 else { return go(now: now) }
    // Less than this is nearer where it is.
    let nearest = chunk * 6 / 10
    if target - hold > nearest {
      hold += chunk
      sinceMove = 0
      return goAgain(now: now)
    }
    if hold - target > nearest, next + 1 < captured {
      leave(upTo: next + 1)
      hold -= chunk
    }
    return go(now: now)
  }

  /// To live mode, until nothing is left to be kept back.
  private mutating func letGo(isHeard: Bool, now: HostTime) -> Int? {
    if !isHeard {
      next = captured - 1
      isHolding = false
      return go(now: now)
    }
    let isLast = next + 1 == captured
    if sinceMove >= Self.pause, isLast {
      isHolding = false
      return go(now: now)
    }
    guard isDue(instant(next) + hold, now: now) else { return nil }
    if sinceMove >= Self.pause {
      leave(upTo: next + 1)
      hold -= chunk
    }
    return go(now: now)
  }
}
