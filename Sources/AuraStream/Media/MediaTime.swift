/// A position on a broadcast's timeline, in frames at 48 kHz.
///
/// Media time counts captured frames; sound that was missed still advances it.
package struct MediaTime: Comparable, Hashable, Sendable {
  /// Frames a second of media time: one internal rate for the whole program.
  package static let rate = 48_000

  /// Frames since the broadcast began.
  package var frames: Int64

  package init(frames: Int64) { self.frames = frames }

  package static func < (a: Self, b: Self) -> Bool { a.frames < b.frames }

  /// The position `frames` frames later.
  package static func + (time: Self, frames: Int) -> Self {
    Self(frames: time.frames + Int64(frames))
  }
}
