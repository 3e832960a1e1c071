internal import AuraHost
internal import AuraStream
internal import Synchronization

/// The clock of an output device of ours on PulseAudio: takes what is played into the device out of
/// its pipe at the pace of real time, and hands it on long before.
///
/// The server reports the bytes that wait in the pipe as the device's latency, and keeps the pipe
/// full: what the pipe holds is what players are told. So sound is copied out as it comes in, and
/// stays in the pipe until it is due. While nobody plays, silence of ours keeps the pipe as full, so
/// that a player is told the same from its first sound on.
///
/// How much a full pipe holds depends on the player: a page takes one write, and a write is as long as
/// the player's own blocks let it be. So capture instants are counted back from the instant at which
/// the pipe lets go, by one latency for all: whoever hears a frame that much after its capture hears it
/// when the player believes it, whatever the pipe holds. What it holds beyond that latency is not
/// handed on before its capture instant: nobody downstream trusts an instant that is still to come.
///
/// Another latency begins in a pause. What is handed on then has as much silence less, or more, as the
/// latency grows or shrinks by, so that capture instants run on and not a frame of sound is lost.
final class PulsePipeReader: Sendable {
  /// Three bytes a sample, twice: whole sizes of a pipe are then nearer to any delay than with two or four.
  static let bytesPerFrame = 6
  static let format = "s24le"

  private static let tick = Duration.milliseconds(5)
  /// After having been held up for longer the clock begins anew, as in `BlockSchedule`.
  private static let patience = Duration.milliseconds(80)
  /// What a page holds as a rule: 0.8 of its 682 frames, with players as they are.
  private static let usualFrames = 546
  private static let tolerance = Duration.milliseconds(2)
  /// Frames of silence that are put in at once, at most.
  private static let mostSilence = 240
  /// From 28 ms to 3.6 s.
  private static let pageCounts = (1...8).map { 1 << $0 }

  private let isStopping = Atomic<Bool>(false)
  private let isPlayedInto = Atomic<Bool>(false)
  private let wakeUp = WakeUp()
  private let thread = Mutex<HostThread?>(nil)

  /// Begins to read.
  ///
  /// - Parameters:
  ///   - pipe: belongs to the reader from here on.
  ///   - device: what is to be claimed, and is told what is.
  ///   - tap: where the sound goes.
  func start(_ pipe: sending SoundPipe, for device: OutputDevice, into tap: CaptureTap) {
    device.didClaim(Self.latency(ofPages: pipe.pages))
    let handedOver = Mutex<SoundPipe?>(pipe)
    thread.withLock {
      $0 = HostThread(name: "aura-pipe", realTimePriority: 20) { [self] in
        guard let pipe = handedOver.withLock({ $0.take() }) else { return }
        var run = Run(pipe, device, tap)
        while !isStopping.load(ordering: .acquiring) {
          run.turn(isPlayedInto: isPlayedInto.load(ordering: .relaxed))
          wakeUp.wait(timeout: Self.tick)
        }
      }
    }
  }

  /// Whether the server writes into the pipe at present; on any thread.
  func setPlayedInto(_ isPlayedInto: Bool) {
    self.isPlayedInto.store(isPlayedInto, ordering: .relaxed)
  }

  /// Ends the reading and waits for it. Idempotent.
  func stop() {
    isStopping.store(true, ordering: .releasing)
    wakeUp.signal()
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
  }

  /// The number of pages that tells players a delay, as nearly as can be.
  ///
  /// - Parameters:
  ///   - delay: what is wanted.
  ///   - ceiling: nil takes the nearest; else the smallest that is no shorter than `delay`, or the
  ///     largest that is no longer than this where that would be longer.
  /// - Returns: a power of two.
  static func pages(for delay: Duration, upTo ceiling: Duration? = nil) -> Int {
    guard let ceiling else {
      return pageCounts.min {
        distance(latency(ofPages: $0), delay) < distance(latency(ofPages: $1), delay)
      } ?? pageCounts[0]
    }
    let allowed = pageCounts.filter { latency(ofPages: $0) <= ceiling }
    return allowed.first { latency(ofPages: $0) >= delay } ?? allowed.last ?? pageCounts[0]
  }

  /// The same for what is wanted of a device now.
  static func pages(for device: OutputDevice) -> Int {
    pages(for: device.wanted, upTo: device.ceiling)
  }

  /// What clients read, as a rule, while a pipe of so many pages is kept full. A page is written when
  /// all of one has been taken out, so half of one is missing on average.
  static func latency(ofPages pages: Int) -> Duration {
    .frames(pages * usualFrames - usualFrames / 2)
  }

  private static func distance(_ a: Duration, _ b: Duration) -> Duration { max(a, b) - min(a, b) }

  /// What the thread knows.
  private struct Run {
    let pipe: SoundPipe
    let device: OutputDevice
    let tap: CaptureTap
    var latency: Duration
    /// When the pipe's first frame of now, counted from 0, is due.
    var anchor = HostClock.now
    var taken = 0
    /// Bytes of the pipe that have been handed on.
    var seen = 0
    var bytes: [UInt8] = []
    var samples: [Float] = []
    var average = FillAverage()
    var lastMean: Duration?
    /// What the latency is to become in the next pause: of a pipe of this size by rule, or as measured.
    var goal: Duration
    /// How long what was handed on last has been silent.
    var quiet = SilenceRun()

    init(_ pipe: SoundPipe, _ device: OutputDevice, _ tap: CaptureTap) {
      self.pipe = pipe
      self.device = device
      self.tap = tap
      latency = PulsePipeReader.latency(ofPages: pipe.pages)
      goal = latency
    }

    mutating func turn(isPlayedInto: Bool) {
      follow()
      let now = HostClock.now
      let due = dueFrames(now)
      refill(due: due, isPlayedInto: isPlayedInto)
      handOn(now, leaving: due)
      let before = pipe.waiting
      let count = pipe.remove(due * bytesPerFrame)
      seen = max(0, seen - count)
      taken += due
      if isPlayedInto {
        learn((before + pipe.waiting) / 2)
      } else {
        average = FillAverage()
      }
    }

    /// Frames whose time has come since the last turn.
    private mutating func dueFrames(_ now: HostTime) -> Int {
      let late = now - (anchor + .frames(taken))
      if late > patience {
        anchor = now
        taken = 0
        return 0
      }
      return max(0, late.frames())
    }

    /// Keeps the pipe as full as the server would; while it does so itself, only from running dry.
    private func refill(due: Int, isPlayedInto: Bool) {
      let page = framesInPage * bytesPerFrame
      let wanted = isPlayedInto ? due * bytesPerFrame : (pipe.pages - 1) * page
      while pipe.waiting < wanted, pipe.appendZeros(page) {}
    }

    private var framesInPage: Int {
      min(2 * goal.frames() / (2 * pipe.pages - 1), SoundPipe.pageSize / bytesPerFrame)
    }

    /// Hands on what is captured by now, and what is about to leave the pipe.
    private mutating func handOn(_ now: HostTime, leaving due: Int = 0) {
      pipe.look(after: seen, into: &bytes)
      let (waiting, handedOn) = (bytes.count / bytesPerFrame, seen / bytesPerFrame)
      // Heard when it leaves the pipe; captured as much earlier as players are told.
      let leaves = anchor + .frames(taken + handedOn)
      func captured(_ latency: Duration) -> Int {
        min(waiting, max((now + latency - leaves).frames(), due - handedOn, 0))
      }
      // In a pause as much more as is left out of it.
      var frames = captured(isPause ? max(latency, goal) : latency)
      fill(frames)
      if !isSilent {
        frames = captured(latency)
        fill(frames)
      }
      guard frames > 0 else { return }
      let samples = samples  // the same storage; a span must borrow from a local
      quiet.note(samples.span)
      let at = leaves - latency
      seen += frames * bytesPerFrame
      fitSilence()
      deliver(at)
    }

    /// Brings the latency nearer to its goal where all that is handed on is part of a pause: by as
    /// much silence as is left out, or put in. What it is then is told once it has come to rest.
    private mutating func fitSilence() {
      let isSilent = isPause && 2 * quiet.frames >= samples.count
      let missing = (goal - latency).frames()
      if isSilent, missing != 0 {
        let change = max(-mostSilence, min(missing, samples.count / 2))
        if change > 0 {
          samples.removeFirst(2 * change)
        } else {
          samples.append(contentsOf: repeatElement(0, count: -2 * change))
        }
        latency += .frames(change)
        if change != missing { return }
      }
      guard latency != device.claimed else { return }
      device.didClaim(latency)
    }

    /// Takes the first frames of what was looked at.
    private mutating func fill(_ frames: Int) {
      samples.removeAll(keepingCapacity: true)
      for index in 0..<2 * frames { samples.append(sample(at: 3 * index)) }
    }

    /// Whether there is nothing to hear in what was taken.
    private var isSilent: Bool {
      let samples = samples
      var run = SilenceRun()
      run.note(samples.span)
      return 2 * run.frames == samples.count
    }

    private var isPause: Bool { quiet.duration >= PresentationRule.shortestPause }

    private func deliver(_ at: HostTime) {
      let frames = samples.count / 2
      var start = 0
      while start < frames {
        let count = min(frames - start, 1024)
        unsafe samples.withUnsafeBufferPointer { samples in
          guard let base = samples.baseAddress else { return }
          unsafe tap.deliver(base + 2 * start, frames: count, capturedAt: at + .frames(start))
        }
        start += count
      }
    }

    private func sample(at index: Int) -> Float {
      let bits =
        UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1]) << 16 | UInt32(bytes[index + 2]) << 24
      return Float(Int32(bitPattern: bits) >> 8) / 8_388_608
    }

    /// Makes the pipe hold what is claimed now, in a pause.
    private mutating func follow() {
      let pages = PulsePipeReader.pages(for: device)
      guard pages != pipe.pages, isPause else { return }
      // Behind what is handed on, too.
      pipe.look(after: seen, into: &bytes)
      fill(bytes.count / bytesPerFrame)
      guard isSilent else { return }
      guard pages > pipe.pages ? pipe.resize(pages: pages) : shrink(to: pages) else { return }
      average = FillAverage()
      goal = PulsePipeReader.latency(ofPages: pages)
      // The player does not stop for that, and need not fill what is new.
      refill(due: 0, isPlayedInto: false)
    }

    /// Only an empty part can be given up, so silence at the pipe's beginning goes before its time, when
    /// there is nothing else in the pipe. Should the player fill it as quickly, the next turn tries again.
    private mutating func shrink(to pages: Int) -> Bool {
      handOn(HostClock.now)
      guard quiet.frames * bytesPerFrame >= seen, isPause else { return false }
      let page = framesInPage * bytesPerFrame
      var count = seen - (pages - 1) * page
      var isDone = pipe.resize(pages: pages)
      while !isDone, count > 0 {
        let removed = pipe.remove(count)
        let frames = removed / bytesPerFrame
        seen -= removed
        taken += frames
        anchor = anchor - .frames(frames)
        latency -= .frames(frames)
        isDone = pipe.resize(pages: pages)
        count = min(page, seen)
      }
      return isDone
    }

    /// Learns what clients read.
    private mutating func learn(_ waiting: Int) {
      guard let mean = average.add(waiting) else { return }
      let latency = Duration.frames(mean / bytesPerFrame)
      // A server that is held up fills the pipe late, once: that is not what clients read.
      let isSteady = lastMean.map { distance(latency, $0) <= tolerance * 2 } ?? false
      lastMean = latency
      if isSteady, distance(latency, goal) > tolerance { goal = latency }
    }
  }

  /// The mean filling of a pipe over a second and a half.
  private struct FillAverage {
    private static let turns = 300
    private var sum = 0
    private var count = 0

    /// - Returns: the mean, each time there are enough.
    mutating func add(_ waiting: Int) -> Int? {
      sum += waiting
      count += 1
      guard count == Self.turns else { return nil }
      defer { self = FillAverage() }
      return sum / count
    }
  }
}
