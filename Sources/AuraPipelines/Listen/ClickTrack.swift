package import AuraAudio
internal import AuraHost
package import AuraStream
internal import Glibc

/// Plays a click a beat to an output, the same way as `listen` plays what it receives, and knows when
/// each is heard as far as the sound system tells. For one thread, which calls `play` often.
package final class ClickTrack {
  /// Kept in the output's ring: more than one thread sleeps.
  private static let ahead = MediaTime.rate / 4
  private static let clickFrames = MediaTime.rate / 100
  private static let amplitude: Float = 0.4
  private static let pitch: Float = 1000  // Hz

  private let tap = PlaybackTap(minimumFrames: MediaTime.rate, resumeThreshold: 1)
  private let stream: any SoundStream
  private let period = BeatTaps.period.frames()
  private let click: [Float]
  private var clock = OutputClock()

  /// - Parameters:
  ///   - outputName: as of `Listener.Options`.
  ///   - backend: the sound server.
  ///   - onEvent: the output's.
  /// - Throws: `SoundError` when the output cannot be had.
  package init(
    to outputName: String?, of backend: SoundBackend,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) {
    stream = try Sound.playback(to: outputName, of: backend, from: tap, onEvent: onEvent)
    click = (0..<Self.clickFrames).map { frame in
      let time = Float(frame) / Float(MediaTime.rate)
      return Self.amplitude * (1 - Float(frame) / Float(Self.clickFrames))
        * sin(2 * .pi * Self.pitch * time)
    }
  }

  /// Gives the output what it needs.
  package func play() {
    if let report = tap.report { clock.insert(report) }
    let missing = Self.ahead - tap.waitingFrames
    guard missing > 0 else { return }
    let first = tap.writtenFrames
    let samples = (first..<first + missing).flatMap { frame in
      let place = frame % period
      let sample = place < click.count ? click[place] : 0
      return [sample, sample]
    }
    _ = tap.write(samples.span)
  }

  /// When the click nearest to an instant leaves the output; nil before the output has said.
  package func beat(nearest instant: HostTime) -> HostTime? {
    guard let zero = clock.instantHeard(tap.silentFrames) else { return nil }
    let beats = ((instant - zero).inSeconds / BeatTaps.period.inSeconds).rounded()
    return clock.instantHeard(tap.silentFrames + Int(beats) * period)
  }

  package func stop() { stream.stop() }
}
