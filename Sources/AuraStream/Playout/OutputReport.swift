/// What a sink tells about its last request for sound.
package struct OutputReport: Equatable, Sendable {
  /// Frames the output had asked for or missed before that request: the number of the request's first frame.
  package var firstFrame: Int
  /// How many it asked for.
  package var frames: Int
  /// When it asked.
  package var instant: HostTime
  /// From then until that first frame is heard, as the sound system says.
  package var delay: Duration
  /// Frames of silence it had to play, for nothing was there; since the beginning.
  package var silentFrames: Int

  package init(
    firstFrame: Int, frames: Int, instant: HostTime, delay: Duration, silentFrames: Int
  ) {
    self.firstFrame = firstFrame
    self.frames = frames
    self.instant = instant
    self.delay = delay
    self.silentFrames = silentFrames
  }
}
