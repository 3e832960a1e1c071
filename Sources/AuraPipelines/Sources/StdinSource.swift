package import AuraAudio
package import AuraCodec
internal import AuraHost
package import AuraStream
internal import Synchronization

/// Raw sound from stdin, read at the pace of real time.
///
/// A writer that is faster waits for us; the backlog of a live one is thrown away, counted, by
/// the rule in `StdinBacklog`. While nothing comes nothing is delivered; it goes on with the
/// instant at which sound is there again.
package final class StdinSource: SoundStream {
  private let input: InputDescriptor
  private let format: PCMFormat
  private let tap: CaptureTap
  private let onEvent: @Sendable (StreamEvent) -> Void
  private let thread = SourceThread()
  private let discarded = Atomic<Int>(0)
  private let notFinite = Atomic<Int>(0)

  /// A reader that has not begun.
  ///
  /// - Parameters:
  ///   - format: what the bytes are.
  ///   - descriptor: where they come from; it must stay open until `stop` has returned.
  ///   - tap: where the sound goes, in blocks of 5 ms.
  ///   - onEvent: told that it runs and that it has ended, on the source's thread; it must not
  ///     call `stop`. The end's reason is empty, or says what went wrong.
  /// - Throws: `CodecError` when stdin is a terminal or closed.
  package init(
    format: PCMFormat, descriptor: Int32 = 0, tap: CaptureTap,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(CodecError) {
    input = InputDescriptor(descriptor)
    switch input.kind {
    case .terminal: throw CodecError("stdin is a terminal; pipe raw sound into it")
    case .closed: throw CodecError("stdin is closed; pipe raw sound into it")
    case .stream, .file: break
    }
    self.format = format
    self.tap = tap
    self.onEvent = onEvent
  }

  /// Frames at 48 kHz of a live writer's backlog that were thrown away.
  package var discardedFrames: Int { discarded.load(ordering: .relaxed) }

  /// Samples that were no number or infinite, and became silence.
  package var nonFiniteSamples: Int { notFinite.load(ordering: .relaxed) }

  /// Begins. Once; it sounds until the end of the input or `stop`.
  package func start() {
    thread.start(name: "aura-stdin") { self.run() }
  }

  package func stop() { thread.stop() }

  private func run() {
    onEvent(.running(device: "stdin (\(format))"))
    do throws(CodecError) {
      var reader = try StdinReader(input: input, format: format)
      if let reason = play(&reader) { onEvent(.ended(reason: reason)) }
    } catch {
      onEvent(.ended(reason: error.description))
    }
  }

  /// Plays to the end; returns the reason for it, nil when stopped.
  private func play(_ reader: inout StdinReader) -> String? {
    var schedule = BlockSchedule(start: HostClock.now)
    var block: [Float] = []
    block.reserveCapacity(BlockSchedule.frames * 2)
    while thread.wait(until: schedule.next) {
      discarded.wrappingAdd(reader.discardBacklog(now: HostClock.now), ordering: .relaxed)
      block.removeAll(keepingCapacity: true)
      let state = reader.read(frames: BlockSchedule.frames, into: &block)
      notFinite.store(reader.nonFiniteSamples, ordering: .relaxed)
      if !block.isEmpty {
        let (at, _) = schedule.deliver(frames: block.count / 2, now: HostClock.now)
        tap.deliver(block.span, capturedAt: at)
      }
      switch state {
      case .ready: break
      case .starving:
        input.wait(or: thread.wakeUp)
        schedule.restart(at: HostClock.now)
      case .ended(let reason):
        // The last block sounds to its end.
        return thread.wait(until: schedule.next) ? reason : nil
      }
    }
    return nil
  }
}
