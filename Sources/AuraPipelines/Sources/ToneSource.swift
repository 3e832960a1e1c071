package import AuraAudio
internal import AuraHost
internal import AuraStream
internal import Glibc

/// A sine tone at -12 dB of full scale on both sides, as if it were being captured.
package final class ToneSource: SoundStream {
  /// -12 dB.
  package static let amplitude = 0.251_188_643_150_958

  private let hertz: Double
  private let tap: CaptureTap
  private let onEvent: @Sendable (StreamEvent) -> Void
  private let thread = SourceThread()

  /// A tone that has not begun.
  ///
  /// - Parameters:
  ///   - hertz: 20 to 20000.
  ///   - tap: where the sound goes, in blocks of 5 ms.
  ///   - onEvent: told that it runs, on the source's thread; it must not call `stop`.
  package init(
    hertz: Double, tap: CaptureTap, onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) {
    self.hertz = hertz
    self.tap = tap
    self.onEvent = onEvent
  }

  /// Begins. Once; it sounds until `stop`.
  package func start() {
    thread.start(name: "aura-tone") { self.run() }
  }

  package func stop() { thread.stop() }

  private func run() {
    let number = hertz == hertz.rounded() ? "\(Int(hertz))" : "\(hertz)"
    onEvent(.running(device: "tone of \(number) Hz"))
    var schedule = BlockSchedule(start: HostClock.now)
    var block = [Float](repeating: 0, count: BlockSchedule.frames * 2)
    let step = hertz / Double(MediaTime.rate)
    var turns = 0.0
    while thread.wait(until: schedule.next) {
      for frame in 0..<BlockSchedule.frames {
        let sample = Float(Self.amplitude * sin(2 * .pi * turns))
        block[2 * frame] = sample
        block[2 * frame + 1] = sample
        turns += step
        turns -= turns.rounded(.down)
      }
      let (at, _) = schedule.deliver(frames: BlockSchedule.frames, now: HostClock.now)
      tap.deliver(block.span, capturedAt: at)
    }
  }
}
