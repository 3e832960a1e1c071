internal import AuraStream

/// When each block of a source that makes its own sound is due.
///
/// Absolute: an instant does not depend on how late the last one was met, so no error adds up.
/// After having been held up the schedule begins anew at the present: nothing bursts, and the
/// instants tell the timeline what is missing.
struct BlockSchedule: Sendable {
  /// 5 ms at 48 kHz.
  static let frames = 240
  /// Lateness that is caught up with; `CaptureTimeline` takes no older blocks.
  static let patience = Duration.milliseconds(80)

  private var anchor: HostTime
  private var framesSince = 0

  /// A schedule whose first block is due at `start`.
  init(start: HostTime) { anchor = start }

  /// When the next block is due.
  var next: HostTime { anchor + .frames(framesSince) }

  /// Says that the next block is being delivered.
  ///
  /// - Parameters:
  ///   - frames: its length.
  ///   - now: the present, at or after `next`.
  /// - Returns: the block's instant, and whether the schedule had to begin anew for it.
  mutating func deliver(frames: Int, now: HostTime) -> (at: HostTime, wasHeldUp: Bool) {
    let wasHeldUp = now - next > Self.patience
    if wasHeldUp { restart(at: now) }
    let at = next
    framesSince += frames
    // A second of frames is a whole number of nanoseconds, so nothing is rounded away.
    if framesSince >= MediaTime.rate {
      anchor = anchor + .seconds(1)
      framesSince -= MediaTime.rate
    }
    return (at, wasHeldUp)
  }

  /// Begins anew: the next block is due at `now`.
  mutating func restart(at now: HostTime) {
    anchor = now
    framesSince = 0
  }
}
