package import AuraAudio
package import AuraCodec
internal import AuraHost
internal import AuraStream

/// A sound file, played once at its own pace as if it were being captured.
///
/// Nothing of it is lost: after having been held up it goes on where it was.
package final class FileSource: SoundStream, @unchecked Sendable {
  // From `start` on `reader` belongs to the source's thread; nobody else touches it.
  private var reader: FileReader
  private let path: String
  private let tap: CaptureTap
  private let onEvent: @Sendable (StreamEvent) -> Void
  private let thread = SourceThread()

  /// How long the file says it is; nil when it does not say.
  package let duration: Duration?

  /// Opens a file; it has not begun.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - tap: where the sound goes, in blocks of 5 ms.
  ///   - onEvent: told that it runs and that it has ended, on the source's thread; it must not
  ///     call `stop`. The end's reason is empty, or says that the file is damaged.
  /// - Throws: `CodecError` when the file cannot be decoded.
  package init(
    path: String, tap: CaptureTap, onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(CodecError) {
    self.path = path
    self.tap = tap
    self.onEvent = onEvent
    reader = try FileReader(path: path)
    duration = reader.duration
  }

  /// Begins. Once; it sounds until its end or `stop`.
  package func start() {
    thread.start(name: "aura-file") { self.run() }
  }

  package func stop() { thread.stop() }

  private func run() {
    onEvent(.running(device: path))
    var schedule = BlockSchedule(start: HostClock.now)
    var block: [Float] = []
    block.reserveCapacity(BlockSchedule.frames * 2)
    while true {
      block.removeAll(keepingCapacity: true)
      let frames = reader.read(frames: BlockSchedule.frames, into: &block)
      // The last wait lets the last block sound to its end.
      guard thread.wait(until: schedule.next) else { return }
      if frames == 0 { break }
      let (at, _) = schedule.deliver(frames: frames, now: HostClock.now)
      tap.deliver(block.span, capturedAt: at)
    }
    onEvent(.ended(reason: reader.damage?.description ?? ""))
  }
}

/// A sound file as 48 kHz stereo.
private struct FileReader: ~Copyable {
  private static let framesAtOnce = 1024

  private var file: SoundFile
  private var converter: StereoConverter
  private var decoded: [Float] = []
  private var hasEnded = false

  init(path: String) throws(CodecError) {
    let opened = try SoundFile(path: path)
    converter = try StereoConverter(channels: opened.channels, sampleRate: opened.sampleRate)
    file = opened
  }

  var duration: Duration? { file.duration }
  var damage: CodecError? { file.damage }

  /// Appends up to `frames` frames; returns how many, fewer only at the end.
  mutating func read(frames: Int, into block: inout [Float]) -> Int {
    while converter.readyFrames < frames, !hasEnded {
      decoded.removeAll(keepingCapacity: true)
      if file.read(frames: Self.framesAtOnce, appendingTo: &decoded) > 0 {
        let frames = decoded
        converter.convert(frames.span)
      } else {
        converter.finish()
        hasEnded = true
      }
    }
    return converter.take(frames: frames, into: &block)
  }
}
