/// When each frame of a broadcast was captured: a straight line through media and host time.
///
/// It holds for the present and some minutes around it; `TimelineFit` keeps making better ones.
package struct TimelineLine: Equatable, Sendable {
  /// A frame on the line.
  package var media: MediaTime
  /// That frame's instant.
  package var host: HostTime
  /// How long a frame lasts on the host's clock, in nanoseconds.
  package var nanosecondsPerFrame: Double

  /// What a frame lasts when the sound card's clock agrees with the host's, in nanoseconds.
  package static let nominal = 1e9 / Double(MediaTime.rate)

  package init(media: MediaTime, host: HostTime, nanosecondsPerFrame: Double = nominal) {
    self.media = media
    self.host = host
    self.nanosecondsPerFrame = nanosecondsPerFrame
  }

  /// The instant at which a frame was or will be captured.
  package func instant(of time: MediaTime) -> HostTime {
    let frames = Double(time.frames - media.frames)
    return HostTime(nanoseconds: host.nanoseconds + Int64((frames * nanosecondsPerFrame).rounded()))
  }

  /// The frame captured nearest to an instant.
  package func mediaTime(at instant: HostTime) -> MediaTime {
    let nanoseconds = Double(instant.nanoseconds - host.nanoseconds)
    return MediaTime(frames: media.frames + Int64((nanoseconds / nanosecondsPerFrame).rounded()))
  }

  /// How much faster than the host's clock the sound is captured, in parts per million.
  package var ratePPM: Double { (Self.nominal / nanosecondsPerFrame - 1) * 1e6 }
}
