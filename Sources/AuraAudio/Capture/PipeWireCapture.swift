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
  ///   - isAhead: whether a cycle's sound is captured from the cycle's beginning on, as players count who are
  ///     told a device's latency (then `tap` holds the newest block), and not up to it.
  ///   - tap: where the sound goes.
  ///   - onEvent: called on a thread of PipeWire's; it must not call `stop`.
  /// - Throws: `SoundError` when there is no server or no such device.
  package init(
    target: CaptureTarget, clientName: String, latencyFrames: Int = 256, isAhead: Bool = false,
    tap: CaptureTap, onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) {
    if isAhead { tap.holdNewest() }
    let place: PipeWireStream.Target =
      switch target {
      case .defaultOutputMonitor: .standard
      case .device(let name): .device(name)
      case .program(let name): .program(name)
      }
    stream = try unsafe PipeWireStream(
      PipeWireStream.Request(
        direction: SPA_DIRECTION_INPUT, clientName: clientName, latencyFrames: latencyFrames,
        target: place),
      process: captureProcess, callback: CaptureCallback(tap: tap, isAhead: isAhead),
      onEvent: onEvent)
  }

  // Here and not in the stream: the loop's thread may hold the stream for a moment, and must not
  // be the one that ends it.
  deinit { stream.stop() }

  package func stop() { stream.stop() }
}

/// What the audio thread needs.
private final class CaptureCallback: PipeWireCallback, @unchecked Sendable {
  let tap: CaptureTap
  let isAhead: Bool
  var cycles = MissedCycles()
  /// Of the cycle under way; nil once its first buffer has been handed over.
  var ticks: UInt64?
  /// Ticks a second.
  var frequency = 0.0
  /// When the sound that ends with this cycle was at the output or input.
  var instant = HostTime(nanoseconds: 0)

  init(tap: CaptureTap, isAhead: Bool) {
    self.tap = tap
    self.isAhead = isAhead
  }
}

/// On the audio thread: hands over every buffer that is there.
private func captureProcess(_ context: UnsafeMutableRawPointer?) {
  guard let context = unsafe context else { return }
  let callback = unsafe Unmanaged<CaptureCallback>.fromOpaque(context).takeUnretainedValue()
  guard let stream = unsafe callback.stream else { return }
  let time = unsafe timeOfCycle(stream)
  callback.ticks = time?.ticks
  callback.frequency = time.map(ticksPerSecond) ?? 0
  callback.instant = time.map { HostTime(nanoseconds: $0.now) - pipeWireDelay($0) } ?? HostClock.now
  unsafe aura_pw_drain(stream, Int32(SampleRing.channels), deliver, context)
}

/// On the audio thread: hands over one buffer.
private func deliver(
  _ context: UnsafeMutableRawPointer?, _ samples: UnsafePointer<Float>?, _ frames: Int32,
  _ framesToEnd: Int32, _ newestFrames: Int32
) {
  guard let context = unsafe context, let samples = unsafe samples else { return }
  let callback = unsafe Unmanaged<CaptureCallback>.fromOpaque(context).takeUnretainedValue()
  var missed = 0
  if let ticks = callback.ticks {
    callback.ticks = nil
    missed = callback.cycles.call(
      ticks: ticks, frequency: callback.frequency, frames: Int(framesToEnd))
  }
  // The newest buffer ends at the cycle that is under way, or begins with it; the others came before it.
  let framesBefore = Int(framesToEnd) - (callback.isAhead ? Int(newestFrames) : 0)
  unsafe callback.tap.deliver(
    samples, frames: Int(frames), capturedAt: callback.instant - .frames(framesBefore),
    missed: missed)
}

/// What PipeWire says of the cycle that is under way; nil where it says nothing.
func timeOfCycle(_ stream: OpaquePointer) -> pw_time? {
  var time = pw_time()
  guard unsafe aura_pw_stream_time(stream, &time) == 0, time.now > 0 else { return nil }
  return time
}

/// Of the graph's count.
func ticksPerSecond(_ time: pw_time) -> Double {
  time.rate.num > 0 ? Double(time.rate.denom) / Double(time.rate.num) : 0
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
