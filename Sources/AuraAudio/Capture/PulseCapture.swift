internal import AuraHost
internal import AuraStream
internal import CPulse

/// Captures from PulseAudio: an output's monitor or an input, as 48 kHz stereo float32.
package final class PulseCapture: SoundStream {
  private let callback: Callback
  private let stream: PulseStream

  /// Starts to capture.
  ///
  /// - Parameters:
  ///   - target: what to capture; the default output is followed when it changes.
  ///   - clientName: what mixers show.
  ///   - latencyFrames: the block size to ask for. The smallest that any program asks for becomes
  ///     the output's for everyone.
  ///   - tap: where the sound goes.
  ///   - onEvent: called on libpulse's thread; it must not call `stop`.
  /// - Throws: `SoundError` when there is no server or no such device.
  package init(
    target: CaptureTarget, clientName: String, latencyFrames: Int = 480, tap: CaptureTap,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) {
    let callback = Callback(tap: tap)
    self.callback = callback
    var device: String?
    var program: String?
    switch target {
    case .defaultOutputMonitor: break
    case .device(let name): device = name
    case .program(let name): program = name
    }
    stream = try unsafe PulseStream(
      PulseStream.Request(
        direction: .capture, clientName: clientName, latencyFrames: latencyFrames,
        deviceName: device, programName: program),
      timing: callback.timing, process: captureReadable,
      context: Unmanaged.passUnretained(callback).toOpaque(), onEvent: onEvent)
  }

  deinit { stream.stop() }

  package func stop() { stream.stop() }

  /// What the callback needs.
  fileprivate final class Callback: Sendable {
    let tap: CaptureTap
    let timing = PulseTiming(.capture)

    init(tap: CaptureTap) { self.tap = tap }
  }
}

private let bytesPerFrame = 8
/// Sound is thrown away until the server has said when it was captured, but not for ever.
private let mostUnknownFrames = 24_000
/// Sound that is older than this has queued, or the clock is wrong.
private let suspiciousAge = Duration.milliseconds(40)

/// On the loop's thread: hands over everything that is there.
private func captureReadable(
  _ stream: OpaquePointer?, _ bytes: Int, _ context: UnsafeMutableRawPointer?
) {
  guard let stream = unsafe stream, let context = unsafe context else { return }
  let callback = unsafe Unmanaged<PulseCapture.Callback>.fromOpaque(context).takeUnretainedValue()
  let timing = callback.timing
  let now = HostClock.now
  var data: UnsafeRawPointer?
  var size = 0
  while unsafe pa_stream_peek(stream, &data, &size) == 0, size > 0 {
    let frames = size / bytesPerFrame
    // No data is a hole in the sound: only the position goes on.
    if let samples = unsafe data?.assumingMemoryBound(to: Float.self),
      let instant = timing.instantOfPosition
    {
      unsafe callback.tap.deliver(samples, frames: frames, capturedAt: instant)
    }
    timing.position += frames
    unsafe pa_stream_drop(stream)
  }
  if let end = timing.instantOfPosition {
    unsafe timing.askIfDue(stream, now: now, isUrgent: now - end > suspiciousAge)
  } else {
    if timing.position > mostUnknownFrames { timing.assumeEnd(at: now) }
    unsafe timing.askIfDue(stream, now: now, isUrgent: true)
  }
}
