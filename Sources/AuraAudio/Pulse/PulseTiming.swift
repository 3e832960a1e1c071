internal import AuraHost
internal import AuraStream
internal import CPulse

/// Keeps one stream's clock: asks the server where the stream stands and takes the answers.
///
/// The server is asked from the stream's own callback, right after sound has come or gone: at any
/// other moment a report can be a whole block off (pipewire-pulse counts in blocks). Belongs to
/// the loop's thread.
@safe final class PulseTiming: @unchecked Sendable {
  private static let steadyInterval = Duration.milliseconds(200)
  private static let firstInterval = Duration.milliseconds(20)
  /// The weight of a new report of how far an output's monitor is ahead of it.
  private static let leadWeight = 10

  private let direction: PulseStream.Direction
  private var clock = PulseClock()
  private var interval = firstInterval
  private var askedAt: HostTime?
  private var isAsking = false
  // A monitor hears what its output has taken, which is before it is heard.
  private var lead: Duration?

  /// Frames that have gone through the stream's callback, holes included.
  var position = 0

  init(_ direction: PulseStream.Direction) { self.direction = direction }

  /// Begins anew, for a new stream.
  func reset() {
    clock = PulseClock()
    interval = Self.firstInterval
    askedAt = nil
    isAsking = false
    lead = nil
    position = 0
  }

  /// When the frame at `position` is at the device; for a monitor, when its output took it.
  var instantOfPosition: HostTime? {
    clock.instant(ofFrame: position).map { $0 - (lead ?? .zero) }
  }

  /// Without any report: what has come was captured just now.
  func assumeEnd(at now: HostTime) { clock.report(position: .frames(position), at: now) }

  /// Asks the server where the stream stands if it is time to.
  ///
  /// - Parameters:
  ///   - stream: the one whose callback this is.
  ///   - now: the instant of the callback.
  ///   - isUrgent: what is known does not fit what happens.
  func askIfDue(_ stream: OpaquePointer, now: HostTime, isUrgent: Bool) {
    guard !isAsking else { return }
    if let askedAt {
      let isSoon = isUrgent || clock.isInDoubt
      guard now - askedAt >= (isSoon ? Self.firstInterval : interval) else { return }
      interval = min(interval * 2, Self.steadyInterval)
    }
    let me = unsafe Unmanaged.passUnretained(self).toOpaque()
    guard let operation = unsafe pa_stream_update_timing_info(stream, timingAnswered, me) else {
      return
    }
    askedAt = now
    isAsking = true
    unsafe pa_operation_unref(operation)
  }

  fileprivate func answered(_ stream: OpaquePointer, success: Bool) {
    isAsking = false
    guard success, let info = unsafe pa_stream_get_timing_info(stream)?.pointee else { return }
    let now = HostClock.now
    let bytesPerFrame: Int64 = 8
    let transport = Duration.microseconds(Int64(clamping: info.transport_usec))
    let output = Duration.microseconds(Int64(clamping: info.sink_usec))
    let input = Duration.microseconds(Int64(clamping: info.source_usec))
    if info.write_index_corrupt != 0 || info.read_index_corrupt != 0 { return }
    if direction == .capture {
      let captured = Duration.frames(Int(info.write_index / bytesPerFrame))
      clock.report(position: captured + transport + input - output, at: now)
      lead = lead.map { $0 + (output - $0) / Self.leadWeight } ?? output
    } else {
      let played = Duration.frames(Int(info.read_index / bytesPerFrame))
      clock.report(position: played + transport - output, at: now)
    }
  }
}

/// On the loop's thread.
private func timingAnswered(
  _ stream: OpaquePointer?, _ success: Int32, _ context: UnsafeMutableRawPointer?
) {
  guard let stream = unsafe stream, let context = unsafe context else { return }
  unsafe Unmanaged<PulseTiming>.fromOpaque(context).takeUnretainedValue()
    .answered(stream, success: success != 0)
}
