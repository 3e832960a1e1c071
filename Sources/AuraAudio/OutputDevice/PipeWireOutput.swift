internal import AuraHost
internal import AuraStream
internal import CPipeWire
internal import Synchronization

/// An output device of ours on PipeWire, and the capture of what is played into it.
///
/// The device is a stream that is an `Audio/Sink` itself, for only such a one can tell players a
/// latency. What reaches the stream has gone through the device's volume, so the sound is captured
/// from the device's monitor, which has not: nothing that is done to the device is heard by listeners.
package final class PipeWireOutput: SoundStream {
  private static let answerTime = Duration.seconds(5)

  private let sink: PipeWireStream
  private let capture: PipeWireCapture
  private let defaultOutput: PipeWireDefault?
  private let isStopped = Mutex(false)

  /// Makes the device appear and starts to capture.
  ///
  /// - Parameters:
  ///   - device: what it claims, and what is told of it.
  ///   - clientName: what mixers show.
  ///   - tap: where the sound goes.
  ///   - onEvent: called on a thread of PipeWire's; it must not call `stop`.
  /// - Throws: `SoundError` when there is no server or it does not take the device.
  package init(
    device: OutputDevice, clientName: String, tap: CaptureTap,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) {
    if !device.isServerOurs { PipeWireDefault.repair() }
    let taken = try PipeWireDevices.list().filter { $0.kind == .output }.map(\.name)
    let name = OutputDevice.freeName(besides: taken)
    let isThere = WakeUp()
    let sink = try unsafe PipeWireStream(
      PipeWireStream.Request(
        direction: SPA_DIRECTION_INPUT, clientName: clientName,
        latencyFrames: PipeWireStream.block(for: device),
        target: .players(device, name: name)),
      process: discard, callback: PipeWireCallback()
    ) { event in
      if case .running = event { isThere.signal() }
    }
    self.sink = sink
    do throws(SoundError) {
      guard isThere.wait(timeout: Self.answerTime) else {
        throw SoundError(
          .failed,
          "PipeWire does not take an output device of ours: restart it "
            + "(systemctl --user restart pipewire).")
      }
      // Its end is the device's, for both have the same server.
      capture = try PipeWireCapture(
        target: .device(name: name), clientName: clientName,
        latencyFrames: PipeWireStream.relaxedBlock, isAhead: true, tap: tap, onEvent: onEvent)
      defaultOutput =
        device.becomesDefault ? try PipeWireDefault(name, of: device) : nil
    } catch {
      sink.stop()
      throw error
    }
  }

  deinit { stop() }

  /// Puts back the default output that a killed process of ours has left changed.
  package static func repair() { PipeWireDefault.repair() }

  package func stop() {
    let isFirst = isStopped.withLock { stopped in
      defer { stopped = true }
      return !stopped
    }
    guard isFirst else { return }
    defaultOutput?.restore()
    capture.stop()
    sink.stop()
  }
}

/// On the audio thread: what is heard here is heard at the monitor as well.
private func discard(_ context: UnsafeMutableRawPointer?) {
  guard let context = unsafe context else { return }
  let callback = unsafe Unmanaged<PipeWireCallback>.fromOpaque(context).takeUnretainedValue()
  if let stream = unsafe callback.stream { unsafe aura_pw_discard(stream) }
}
