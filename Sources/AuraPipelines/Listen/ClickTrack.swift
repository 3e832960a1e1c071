package import AuraAudio
internal import AuraHost
package import AuraStream
internal import Glibc

/// Plays a click a beat to an output, the same way as `listen` plays what it receives, each to be heard at the
/// flash of `/join` as far as the sound system tells. For one thread, which calls `play` often.
package final class ClickTrack {
  /// Kept in the output's ring: more than one thread sleeps.
  private static let ahead = MediaTime.rate / 4
  private static let clickFrames = MediaTime.rate / 100
  private static let amplitude: Float = 0.4
  private static let pitch: Float = 1000  // Hz

  private let tap = PlaybackTap(minimumFrames: MediaTime.rate, resumeThreshold: 1)
  private let stream: any SoundStream
  private let click: [Float]
  private var plan: ClickPlan
  /// Where the last click began, as written.
  private var start: Int?

  /// - Parameters:
  ///   - outputName: as of `Listener.Options`.
  ///   - backend: the sound server.
  ///   - beats: when there are flashes.
  ///   - onEvent: the output's.
  /// - Throws: `SoundError` when the output cannot be had.
  package init(
    to outputName: String?, of backend: SoundBackend, at beats: BeatClock,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) {
    plan = ClickPlan(beats: beats)
    stream = try Sound.playback(to: outputName, of: backend, from: tap, onEvent: onEvent)
    click = (0..<Self.clickFrames).map { frame in
      let time = Float(frame) / Float(MediaTime.rate)
      return Self.amplitude * (1 - Float(frame) / Float(Self.clickFrames))
        * sin(2 * .pi * Self.pitch * time)
    }
  }

  /// What the headphone adds to what the sound system says: clicks come so much earlier; there are none while it
  /// is nil.
  package var offset: Duration? {
    get { plan.offset }
    set { plan.offset = newValue }
  }

  /// When there are flashes.
  package var beats: BeatClock {
    get { plan.beats }
    set { plan.beats = newValue }
  }

  /// Gives the output what it needs.
  package func play() {
    if let report = tap.report { plan.report(report) }
    let missing = Self.ahead - tap.waitingFrames
    guard missing > 0 else { return }
    let first = tap.writtenFrames
    start = plan.click(in: first..<first + missing) ?? start
    let samples = (first..<first + missing).flatMap { frame in
      let place = start.map { frame - $0 } ?? -1
      let sample = click.indices.contains(place) ? click[place] : 0
      return [sample, sample]
    }
    _ = tap.write(samples.span)
  }

  /// When the click nearest to an instant leaves the output; nil while there are none.
  package func beat(nearest instant: HostTime) -> HostTime? { plan.beat(nearest: instant) }

  package func stop() { stream.stop() }
}
