internal import Synchronization

/// How loud each millisecond of a broadcast was, of the last ones: a shape in which who hears it finds its place.
///
/// The media thread appends through a `LevelTracer`; any number read.
package final class LevelTrace: Sendable {
  /// How many frames one level is of.
  package static let step = Int64(MediaTime.rate / 1000)
  /// How many levels are kept: more than any delay has need of.
  package static let kept = 1 << 13
  /// Silence, in half decibels below full scale.
  static let silence = UInt8(-2 * LevelMeter.floor)

  private struct Ring {
    var levels = [UInt8](repeating: silence, count: kept)
    /// The number of the level after the newest, counted from media time zero; none yet: nil.
    var end: Int64?
  }

  private let ring = Mutex(Ring())
  private let lostLevels = Atomic<Int>(0)

  package init() {}

  /// Levels of a stretch of the broadcast.
  ///
  /// - Parameters:
  ///   - from: the first frame of interest.
  ///   - count: how many levels at most.
  /// - Returns: what there still or already is of it, each in half decibels below full scale, and where it
  ///   begins; nil: nothing.
  package func levels(from: MediaTime, count: Int) -> (start: MediaTime, levels: [UInt8])? {
    ring.withLock { ring in
      guard let end = ring.end else { return nil }
      let wanted = from.frames.flooredQuotient(Self.step)
      let first = max(wanted, end - Int64(Self.kept), 0)
      let last = min(wanted + Int64(max(0, min(count, Self.kept))), end)
      guard first < last else { return nil }
      return (
        MediaTime(frames: first * Self.step),
        (first..<last).map { ring.levels[Int($0) & (Self.kept - 1)] }
      )
    }
  }

  /// Levels that readers kept out for so long that they were thrown away; they read as silence.
  package var lost: Int { lostLevels.load(ordering: .relaxed) }

  /// Keeps levels out for as long as the body runs.
  func keepOut(during body: () -> Void) { ring.withLock { _ in body() } }

  /// Takes levels that begin with number `first`.
  ///
  /// - Returns: false where somebody is reading just now: nothing has been taken.
  fileprivate func append(_ levels: [UInt8], from first: Int64) -> Bool {
    let taken: Void? = ring.withLockIfAvailable { ring in
      // What is missing in between was silent to whoever listens.
      if let end = ring.end {
        for missing in max(end, first - Int64(Self.kept))..<max(end, first) {
          ring.levels[Int(missing) & (Self.kept - 1)] = Self.silence
        }
      }
      for (index, level) in levels.enumerated() {
        ring.levels[(Int(first) + index) & (Self.kept - 1)] = level
      }
      ring.end = first + Int64(levels.count)
    }
    return taken != nil
  }

  fileprivate func lose(_ count: Int) { lostLevels.add(count, ordering: .relaxed) }
}

/// Makes levels of sound, on the media thread; waits for nobody.
package struct LevelTracer: Sendable {
  /// Where they can be read.
  package let trace = LevelTrace()

  private var next: Int64?
  private var power: Float = 0
  private var frames: Int64 = 0
  /// What somebody's reading has kept out until now, and its first number; bounded by what is kept.
  private var pending: [UInt8] = []
  private var pendingFrom: Int64 = 0

  package init() {}

  /// Takes sound.
  ///
  /// - Parameters:
  ///   - samples: interleaved stereo at 48 kHz.
  ///   - start: its first frame.
  package mutating func append(_ samples: Span<Float>, at start: MediaTime) {
    if start.frames != next {
      flush()
      power = 0
      frames = 0
      trace.lose(pending.count)
      pending.removeAll(keepingCapacity: true)
      // Levels begin at whole milliseconds: what comes before the first is left out.
      let skipped = (start.frames + LevelTrace.step - 1).flooredQuotient(LevelTrace.step)
      pendingFrom = skipped
      frames = start.frames - skipped * LevelTrace.step
    }
    for index in stride(from: 0, to: samples.count - 1, by: 2) {
      let mono = (samples[index] + samples[index + 1]) / 2
      if frames >= 0 { power += mono * mono }
      frames += 1
      guard frames == LevelTrace.step else { continue }
      let mean = Double(power) / Double(LevelTrace.step)
      let level = -2 * decibelsOfAmplitude(mean.squareRoot())
      pending.append(UInt8(min(Double(LevelTrace.silence), max(0, level))))
      power = 0
      frames = 0
    }
    next = start.frames + Int64(samples.count / 2)
    flush()
  }

  private mutating func flush() {
    guard !pending.isEmpty else { return }
    if !trace.append(pending, from: pendingFrom) {
      guard pending.count > LevelTrace.kept / 2 else { return }
      trace.lose(pending.count)
    }
    pendingFrom += Int64(pending.count)
    pending.removeAll(keepingCapacity: true)
  }
}

extension Int64 {
  /// Rounded down, of negative numbers too.
  fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
