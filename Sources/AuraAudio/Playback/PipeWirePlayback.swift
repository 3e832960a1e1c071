internal import AuraHost
internal import AuraStream
internal import CPipeWire

/// Plays through PipeWire: 48 kHz stereo float32 from a tap to an output.
package final class PipeWirePlayback: SoundStream {
  private let stream: PipeWireStream
  private let tap: PlaybackTap

  /// Starts to play.
  ///
  /// - Parameters:
  ///   - deviceName: the output; nil is the default output, followed when it changes.
  ///   - clientName: what mixers show.
  ///   - latencyFrames: the block size to ask for, while the tap is not relaxed.
  ///   - tap: where the sound comes from.
  ///   - onEvent: called on a thread of PipeWire's; it must not call `stop`.
  /// - Throws: `SoundError` when there is no server or no such output.
  package init(
    deviceName: String?, clientName: String, latencyFrames: Int = 256, tap: PlaybackTap,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) {
    stream = try unsafe PipeWireStream(
      PipeWireStream.Request(
        direction: SPA_DIRECTION_OUTPUT, clientName: clientName, latencyFrames: latencyFrames,
        target: deviceName.map { .device($0) } ?? .standard),
      process: playbackProcess, callback: PlaybackCallback(tap: tap), onEvent: onEvent)
    self.tap = tap
    tap.followRelaxing { [weak stream, weak tap] in
      guard let tap else { return }
      stream?.ask(blockFrames: tap.isRelaxed ? PipeWireStream.relaxedBlock : latencyFrames)
    }
  }

  // Here and not in the stream: the loop's thread may hold the stream for a moment, and must not
  // be the one that ends it.
  deinit { stop() }

  package func stop() {
    tap.followRelaxing(nil)
    stream.stop()
  }
}

/// What the audio thread needs.
private final class PlaybackCallback: PipeWireCallback, @unchecked Sendable {
  let tap: PlaybackTap
  var cycles = MissedCycles()

  init(tap: PlaybackTap) { self.tap = tap }
}

private let bytesPerFrame: UInt32 = 8

/// On the audio thread: fills one buffer with what the cycle needs.
private func playbackProcess(_ context: UnsafeMutableRawPointer?) {
  guard let context = unsafe context else { return }
  let callback = unsafe Unmanaged<PlaybackCallback>.fromOpaque(context).takeUnretainedValue()
  guard let stream = unsafe callback.stream, let buffer = unsafe pw_stream_dequeue_buffer(stream)
  else { return }
  if let inner = unsafe buffer.pointee.buffer, unsafe inner.pointee.n_datas > 0,
    let data = unsafe inner.pointee.datas, let bytes = unsafe data.pointee.data,
    let chunk = unsafe data.pointee.chunk
  {
    let room = Int(unsafe data.pointee.maxsize / bytesPerFrame)
    let requested = Int(clamping: unsafe buffer.pointee.requested)
    let frames = requested > 0 ? min(requested, room) : room
    let time = unsafe timeOfCycle(stream)
    let now = HostClock.now
    // The delay counts from the cycle's beginning, however late in it we are called.
    let begin = time.map { HostTime(nanoseconds: $0.now) } ?? now
    let missed =
      time.map {
        // What was given twice in a cycle is the output's to sort out.
        max(0, callback.cycles.call(ticks: $0.ticks, frequency: ticksPerSecond($0), frames: frames))
      } ?? 0
    unsafe callback.tap.render(
      into: bytes.assumingMemoryBound(to: Float.self), frames: frames, at: now,
      delay: (time.map(pipeWireDelay) ?? .zero) - (now - begin), missed: missed)
    unsafe chunk.pointee.offset = 0
    unsafe chunk.pointee.stride = Int32(bytesPerFrame)
    unsafe chunk.pointee.size = UInt32(frames) * bytesPerFrame
  }
  unsafe pw_stream_queue_buffer(stream, buffer)
}
