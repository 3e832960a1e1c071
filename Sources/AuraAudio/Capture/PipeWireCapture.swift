internal import AuraHost
internal import AuraStream
internal import CPipeWire

/// Captures from PipeWire: an output's monitor or an input, as 48 kHz stereo float32.
package final class PipeWireCapture: SoundStream {
  private let stream: PipeWireStream

  /// Starts to capture.
  ///
  /// - Parameters:
  ///   - target: what to capture; the default output is followed when it changes.
  ///   - clientName: what mixers show.
  ///   - latencyFrames: the block size to ask for.
  ///   - tap: where the sound goes.
  ///   - onEvent: called on a thread of PipeWire's; it must not call `stop`.
  /// - Throws: `SoundError` when there is no server or no such device.
  package init(
    target: CaptureTarget, clientName: String, latencyFrames: Int = 256, tap: CaptureTap,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) {
    var device: String?
    if case .device(let name) = target { device = name }
    stream = try unsafe PipeWireStream(
      PipeWireStream.Request(
        direction: SPA_DIRECTION_INPUT, clientName: clientName, latencyFrames: latencyFrames,
        deviceName: device),
      process: captureProcess, callback: CaptureCallback(tap: tap), onEvent: onEvent)
  }

  package func stop() { stream.stop() }
}

/// What the audio thread needs.
private final class CaptureCallback: PipeWireCallback, @unchecked Sendable {
  let tap: CaptureTap

  init(tap: CaptureTap) { self.tap = tap }
}

private let mostBuffers = 32
private let bytesPerFrame = 8

/// On the audio thread: hands over every buffer that is there.
private func captureProcess(_ context: UnsafeMutableRawPointer?) {
  guard let context = unsafe context else { return }
  let callback = unsafe Unmanaged<CaptureCallback>.fromOpaque(context).takeUnretainedValue()
  guard let stream = unsafe callback.stream else { return }
  // 256 bytes, on the stack.
  unsafe withUnsafeTemporaryAllocation(
    of: UnsafeMutablePointer<pw_buffer>.self, capacity: mostBuffers
  ) { buffers in
    var count = 0
    var following = 0
    while count < mostBuffers, let buffer = unsafe pw_stream_dequeue_buffer(stream) {
      unsafe buffers.initializeElement(at: count, to: buffer)
      following += unsafe sound(in: buffer).frames
      count += 1
    }
    // The newest buffer ends at the cycle that is under way; the others came before it.
    let newest = unsafe instantOfCycle(stream)
    for index in 0..<count {
      let buffer = unsafe buffers[index]
      let (samples, frames) = unsafe sound(in: buffer)
      if let samples = unsafe samples, frames > 0 {
        let at = newest - Duration.frames(following)
        unsafe callback.tap.deliver(samples, frames: frames, capturedAt: at)
      }
      following -= frames
      unsafe pw_stream_queue_buffer(stream, buffer)
    }
  }
}

/// The sound in a buffer; nothing when it is empty or broken.
private func sound(
  in buffer: UnsafeMutablePointer<pw_buffer>
) -> (samples: UnsafePointer<Float>?, frames: Int) {
  guard let inner = unsafe buffer.pointee.buffer, unsafe inner.pointee.n_datas > 0,
    let data = unsafe inner.pointee.datas, let bytes = unsafe data.pointee.data,
    let chunk = unsafe data.pointee.chunk
  else { return (nil, 0) }
  let offset = Int(unsafe min(chunk.pointee.offset, data.pointee.maxsize))
  let size = Int(unsafe min(chunk.pointee.size, data.pointee.maxsize - UInt32(offset)))
  let samples = unsafe (bytes + offset).assumingMemoryBound(to: Float.self)
  return unsafe (UnsafePointer(samples), size / bytesPerFrame)
}

/// When the sound that ends with this cycle was at the output or input.
private func instantOfCycle(_ stream: OpaquePointer) -> HostTime {
  var time = pw_time()
  guard unsafe aura_pw_stream_time(stream, &time) == 0, time.now > 0 else { return HostClock.now }
  return HostTime(nanoseconds: time.now) - pipeWireDelay(time)
}

/// What PipeWire says lies between a stream and its device.
func pipeWireDelay(_ time: pw_time) -> Duration {
  let rate = time.rate
  guard rate.denom > 0 else { return .zero }
  // Bounded, so that a wild report cannot overflow: 5 minutes at 48 kHz.
  let ticks = max(0, min(time.delay, 1 << 24))
  return .nanoseconds(ticks * 1_000_000_000 / Int64(rate.denom) * Int64(rate.num))
    + .frames(Int(min(time.buffered, 1 << 20)))
}
