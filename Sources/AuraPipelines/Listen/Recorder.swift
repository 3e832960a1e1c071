internal import AuraCodec
internal import AuraHost
internal import AuraStream
internal import Synchronization

/// Records what is listened to, on a thread of its own: who plays never waits for a disk.
///
/// What finds no room in its queue is left out and counted; the file keeps time all the same.
package final class Recorder: Sendable {
  /// What goes into a file, by its name.
  package enum Content: Equatable, Sendable {
    /// The received Opus packets, as they are: Ogg.
    case packets
    /// The sound that is played: WAV.
    case sound

    /// Nil for a name that tells neither: `.opus` and `.ogg` are packets, `.wav` is sound.
    package init?(path: String) {
      let parts = path.split(separator: ".", omittingEmptySubsequences: false)
      switch parts.count > 1 ? parts[parts.count - 1].lowercased() : "" {
      case "opus", "ogg": self = .packets
      case "wav": self = .sound
      default: return nil
      }
    }
  }

  /// How far it has come.
  package struct Facts: Equatable, Sendable {
    /// Sound in the file, what was missing included.
    package var recorded = Duration.zero
    /// Of that: packets that never came in time, and what the disk was too slow for.
    package var missing = Duration.zero
    package var dropped = Duration.zero

    package init() {}
  }

  /// Why nothing can be recorded, or nothing more: a sentence for a person, without a full stop.
  package struct Failure: Error, Equatable, Sendable, CustomStringConvertible {
    package var description: String
  }

  private enum Item: Sendable {
    case packet([UInt8], start: MediaTime, frames: Int, stream: Int)
    case sound([Float])
    case silence(frames: Int)
  }

  private struct Queue {
    var items: [Item] = []
    var frames = 0
    /// Sound that found no room since the last that did.
    var left = 0
    var dropped = 0
    var isClosed = false
  }

  /// The most that may wait for the disk: 10 s.
  private static let mostFrames = 10 * MediaTime.rate

  package let content: Content
  private let file: RecordingFile
  private let onFailure: @Sendable (Failure) -> Void
  private let lastFailure = Mutex<Failure?>(nil)
  private let queue = Mutex(Queue())
  private let written = Mutex(Facts())
  private let wakeUp = WakeUp()
  private let thread = Mutex<HostThread?>(nil)

  /// Makes the file, and begins.
  ///
  /// - Parameters:
  ///   - path: where to.
  ///   - content: what goes into it.
  ///   - replacing: whether a file that is there may be replaced; that happens with the first sound.
  ///   - onFailure: told on the recorder's thread, once, that nothing more can be written.
  /// - Throws: `Failure` when there is a file that may not be replaced, or none can be made.
  package init(
    to path: String, _ content: Content, replacing: Bool,
    onFailure: @escaping @Sendable (Failure) -> Void
  ) throws(Failure) {
    do throws(CodecError) {
      file = try RecordingFile(path: path, replacing: replacing)
    } catch {
      throw Failure(description: error.description)
    }
    self.content = content
    self.onFailure = onFailure
    let started = HostThread(name: "aura-record") { self.run() }
    thread.withLock { $0 = started }
  }

  /// Takes a packet.
  ///
  /// - Parameters:
  ///   - packet: as it was received.
  ///   - start: its place on its stream's timeline.
  ///   - frames: how long it is.
  ///   - stream: which of the streams so far it belongs to.
  func take(packet: [UInt8], at start: MediaTime, frames: Int, of stream: Int) {
    guard content == .packets else { return }
    // A gap in the packets' places tells by itself what was left out.
    put(.packet(packet, start: start, frames: frames, stream: stream), frames: frames)
  }

  /// Takes sound: interleaved stereo at 48 kHz.
  func take(sound: [Float]) {
    guard content == .sound, !sound.isEmpty else { return }
    put(.sound(sound), frames: sound.count / 2)
  }

  /// How far it has come.
  package var facts: Facts {
    var facts = written.withLock { $0 }
    facts.dropped = .frames(queue.withLock { $0.dropped })
    return facts
  }

  /// Why nothing more is recorded; nil as long as all is well.
  package var failure: Failure? { lastFailure.withLock { $0 } }

  /// Writes what waits, ends the file, and waits for that. Idempotent.
  ///
  /// - Returns: whether there is a file; none is left where nothing was recorded.
  package func finish() -> Bool {
    queue.withLock { $0.isClosed = true }
    wakeUp.signal()
    thread.withLock { thread in
      thread?.join()
      thread = nil
    }
    return !file.removeIfEmpty()
  }

  private func put(_ item: Item, frames: Int) {
    queue.withLock { queue in
      guard !queue.isClosed else { return }
      guard queue.frames + frames <= Self.mostFrames else {
        queue.dropped += frames
        if content == .sound { queue.left += frames }
        return
      }
      if queue.left > 0 {
        queue.items.append(.silence(frames: queue.left))
        queue.left = 0
      }
      queue.items.append(item)
      queue.frames += frames
    }
    wakeUp.signal()
  }

  // MARK: The thread

  private func run() {
    do throws(CodecError) {
      switch content {
      case .packets: try writePackets()
      case .sound: try writeSound()
      }
    } catch {
      // What is there stays as it is.
      queue.withLock { $0.isClosed = true }
      let failure = Failure(description: error.description)
      lastFailure.withLock { $0 = failure }
      onFailure(failure)
    }
  }

  /// What waits; nil at the end, when everything has been taken.
  private func nextItems() -> [Item]? {
    while true {
      let (items, isClosed) = queue.withLock { queue in
        defer {
          queue.items = []
          queue.frames = 0
        }
        return (queue.items, queue.isClosed)
      }
      if !items.isEmpty { return items }
      if isClosed { return nil }
      wakeUp.wait(timeout: nil)
    }
  }

  private func writePackets() throws(CodecError) {
    var writer: OggOpusWriter?
    while let items = nextItems() {
      // Not before there is something to write: what is replaced is kept until then.
      if writer == nil { writer = try OggOpusWriter(file, serial: .random(in: 0 ... .max)) }
      guard let ogg = writer else { continue }
      for case .packet(let packet, let start, let frames, let stream) in items {
        try ogg.append(packet, at: start, frames: frames, of: stream)
      }
      written.withLock { facts in
        facts.recorded = .frames(ogg.frames + ogg.missingFrames)
        facts.missing = .frames(ogg.missingFrames)
      }
    }
    try writer?.finish()
  }

  private func writeSound() throws(CodecError) {
    let silence = [Float](repeating: 0, count: 2 * MediaTime.rate / 10)
    var writer: WAVWriter?
    while let items = nextItems() {
      if writer == nil { writer = try WAVWriter(file) }
      guard let wav = writer else { continue }
      for item in items {
        switch item {
        case .sound(let samples): try wav.append(samples.span)
        case .silence(let frames):
          for start in stride(from: 0, to: frames, by: silence.count / 2) {
            try wav.append(
              silence.span.extracting(first: 2 * min(frames - start, silence.count / 2)))
          }
        case .packet: break
        }
      }
      written.withLock { $0.recorded = .frames(wav.frames) }
    }
    writer?.finish()
  }
}
