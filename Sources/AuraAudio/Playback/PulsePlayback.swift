internal import AuraHost
internal import AuraStream
internal import CPulse

/// Plays through PulseAudio: 48 kHz stereo float32 from a tap to an output.
package final class PulsePlayback: SoundStream {
  private let callback: Callback
  private let stream: PulseStream

  /// Starts to play.
  ///
  /// - Parameters:
  ///   - deviceName: the output; nil is the default output, followed when it changes.
  ///   - clientName: what mixers show.
  ///   - latencyFrames: half of the server's buffer for this stream, the output's included.
  ///   - tap: where the sound comes from.
  ///   - onEvent: called on libpulse's thread; it must not call `stop`.
  /// - Throws: `SoundError` when there is no server or no such output.
  package init(
    deviceName: String?, clientName: String, latencyFrames: Int = 480, tap: PlaybackTap,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) {
    let callback = Callback(tap: tap)
    self.callback = callback
    stream = try unsafe PulseStream(
      PulseStream.Request(
        direction: .playback, clientName: clientName, latencyFrames: latencyFrames,
        deviceName: deviceName),
      timing: callback.timing, process: playbackWritable,
      context: Unmanaged.passUnretained(callback).toOpaque(), onEvent: onEvent)
  }

  deinit { stream.stop() }

  package func stop() { stream.stop() }

  /// What the callback needs.
  fileprivate final class Callback: Sendable {
    let tap: PlaybackTap
    let timing = PulseTiming(.playback)

    init(tap: PlaybackTap) { self.tap = tap }
  }
}

private let bytesPerFrame = 8

/// On the loop's thread: fills what the server asks for.
private func playbackWritable(
  _ stream: OpaquePointer?, _ bytes: Int, _ context: UnsafeMutableRawPointer?
) {
  guard let stream = unsafe stream, let context = unsafe context else { return }
  let callback = unsafe Unmanaged<PulsePlayback.Callback>.fromOpaque(context).takeUnretainedValue()
  let timing = callback.timing
  let now = HostClock.now
  var left = bytes / bytesPerFrame
  while left > 0 {
    var memory: UnsafeMutableRawPointer?
    var room = left * bytesPerFrame
    guard unsafe pa_stream_begin_write(stream, &memory, &room) == 0, let memory = unsafe memory,
      room >= bytesPerFrame
    else { break }
    let frames = min(left, room / bytesPerFrame)
    let delay = timing.instantOfPosition.map { $0 - now }
    unsafe callback.tap.render(
      into: memory.assumingMemoryBound(to: Float.self), frames: frames, at: now,
      delay: max(.zero, delay ?? nominalDelay(stream)))
    guard
      unsafe pa_stream_write(
        stream, memory, frames * bytesPerFrame, nil, 0, PA_SEEK_RELATIVE) == 0
    else { break }
    timing.position += frames
    left -= frames
  }
  unsafe timing.askIfDue(stream, now: now, isUrgent: false)
}

/// Before the first report: the server's buffer as it was agreed.
private func nominalDelay(_ stream: OpaquePointer) -> Duration {
  guard let buffer = unsafe pa_stream_get_buffer_attr(stream) else { return .zero }
  return .frames(Int(unsafe buffer.pointee.tlength) / bytesPerFrame)
}
