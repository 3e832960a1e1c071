package import AuraAudio
internal import AuraHost
internal import AuraStream

/// Plays to nothing, in real time: an output whose clock is this computer's and whose delay is none.
///
/// For measuring, and for recording where there is no sound.
package final class NullPlayback: SoundStream {
  /// The name it goes by.
  static let name = "null"

  private let thread = SourceThread()

  /// Begins.
  ///
  /// - Parameters:
  ///   - tap: where the sound comes from, in blocks of 5 ms.
  ///   - onEvent: told that it runs, on the output's thread; it must not call `stop`.
  package init(tap: PlaybackTap, onEvent: @escaping @Sendable (StreamEvent) -> Void) {
    thread.start(name: "aura-null") { [thread] in
      onEvent(.running(device: Self.name))
      Self.run(tap, on: thread)
    }
  }

  package func stop() { thread.stop() }

  private static func run(_ tap: PlaybackTap, on thread: SourceThread) {
    var schedule = BlockSchedule(start: HostClock.now)
    var block = [Float](repeating: 0, count: 2 * BlockSchedule.frames)
    while thread.wait(until: schedule.next) {
      // When it was due, not when this thread was woken: such a card is perfectly even.
      let (at, _) = schedule.deliver(frames: BlockSchedule.frames, now: HostClock.now)
      unsafe block.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        unsafe tap.render(into: base, frames: BlockSchedule.frames, at: at, delay: .zero)
      }
    }
  }
}
