internal import AuraHost
internal import AuraStream
internal import CPulse
internal import Synchronization

/// An output device of ours on PulseAudio, and the capture of what is played into it.
///
/// No sink of PulseAudio's can be told a latency but `module-pipe-sink`, which reports what waits in
/// its pipe: see `PulsePipeReader`. Its sound has gone through the device's volume, so whatever
/// volume the host sets is taken back at once and kept as a wish: it is meant for the host's ears.
package final class PulseOutput: SoundStream {
  private static let module = "module-pipe-sink"
  private static let fileName = "sound"

  private let session: PulseSession
  private let record: OutputRecord
  private let reader = PulsePipeReader()
  private let watch: PulseOutputWatch
  private let module: UInt32
  private let name: String
  private let change: OutputRecord.Change
  private let isStopped = Mutex(false)

  /// Makes the device appear and starts to capture.
  ///
  /// - Parameters:
  ///   - device: what it claims, and what is told of it.
  ///   - clientName: what mixers show.
  ///   - tap: where the sound goes.
  ///   - onEvent: called on libpulse's thread; it must not call `stop`.
  /// - Throws: `SoundError` when there is no server or it does not take the device.
  package init(
    device: OutputDevice, clientName: String, tap: CaptureTap,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) throws(SoundError) {
    Self.repair()
    let session = try PulseSession(clientName: clientName)
    self.session = session
    do throws(SoundError) {
      let graph = session.locked { session.graph }
      if graph.isPipeWire { throw Self.isPipeWire }
      let name = OutputDevice.freeName(besides: graph.outputs.map(\.name))
      self.name = name
      let formers: [String?] =
        device.becomesDefault
        ? OutputRecord.formers(of: device, named: name, on: .pulse, now: graph.defaultOutput) : []
      change = OutputRecord.Change(backend: .pulse, device: name, formers: formers)
      let record = try OutputRecord(change)
      self.record = record
      let path = "\(record.path)/\(Self.fileName)"
      guard
        let pipe = SoundPipe(path: path, pages: PulsePipeReader.pages(for: device)),
        let module = session.loadModule(Self.module, Self.argument(name: name, path: path))
      else {
        record.remove()
        throw Self.refused
      }
      self.module = module
      watch = PulseOutputWatch(device, session, reader, name: name, onEvent: onEvent)
      reader.start(pipe, for: device, into: tap)
    } catch {
      session.stop()
      throw error
    }
    watch.start()
    if device.becomesDefault { session.chooseOutput(name) }
  }

  deinit { stop() }

  private static let refused = SoundError(
    .failed,
    "PulseAudio does not take an output device of ours: is its module-pipe-sink installed?")

  private static let isPipeWire = SoundError(
    .failed, "What answers for PulseAudio here is PipeWire: use --backend pipewire.")

  private static func argument(name: String, path: String) -> String {
    "sink_name=\(name) file=\"\(path)\" format=\(PulsePipeReader.format) rate=\(MediaTime.rate) "
      + "channels=2 channel_map=front-left,front-right "
      + "sink_properties=\"device.description=\(name) device.icon_name=audio-speakers\""
  }

  package func stop() {
    let isFirst = isStopped.withLock { stopped in
      defer { stopped = true }
      return !stopped
    }
    guard isFirst else { return }
    watch.stop()
    Self.restore(change, session)
    // The reader goes on meanwhile: players that move elsewhere do so in time.
    session.unloadModule(module)
    reader.stop()
    let isDone = session.locked { session.lostReason == nil }
    session.stop()
    if isDone { record.remove() }
  }

  private static func restore(_ change: OutputRecord.Change, _ session: PulseSession) {
    let graph = session.locked { session.graph }
    guard graph.defaultOutput == change.device,
      let former = change.choice(among: graph.outputs.map(\.name))
    else { return }
    session.chooseOutput(former)
  }

  /// Takes away what killed processes of ours have left: devices that nobody reads any more, and
  /// with them the default output that was changed.
  package static func repair() {
    OutputRecord.repair(.pulse) { change, path in
      guard let session = try? PulseSession(clientName: "AuraLync") else { return false }
      defer { session.stop() }
      restore(change, session)
      for module in session.modules
      where module.name == Self.module && module.argument.contains("\(path)/\(fileName)") {
        session.unloadModule(module.index)
      }
      return true
    }
  }
}

/// Keeps an eye on the device: whether somebody plays into it, and its volume and mute.
@safe private final class PulseOutputWatch: @unchecked Sendable {
  // Everything belongs to the session's loop.
  private let device: OutputDevice
  private let session: PulseSession
  private let reader: PulsePipeReader
  private let name: String
  private let onEvent: @Sendable (StreamEvent) -> Void
  private var question: OpaquePointer?
  private var isStale = false

  init(
    _ device: OutputDevice, _ session: PulseSession, _ reader: PulsePipeReader, name: String,
    onEvent: @escaping @Sendable (StreamEvent) -> Void
  ) {
    self.device = device
    self.session = session
    self.reader = reader
    self.name = name
    self.onEvent = onEvent
  }

  func start() {
    session.locked {
      session.onSinkChange = { [weak self] in self?.ask() }
      session.onChange = { [weak self] in self?.graphChanged() }
      onEvent(.running(device: name))
      ask()
    }
  }

  func stop() {
    session.locked {
      session.onSinkChange = {}
      session.onChange = {}
      if let question = unsafe question {
        unsafe pa_operation_cancel(question)
        unsafe pa_operation_unref(question)
      }
      unsafe question = nil
    }
  }

  private func graphChanged() {
    if let reason = session.lostReason {
      onEvent(.ended(reason: reason))
    } else if !session.graph.outputs.contains(where: { $0.name == name }) {
      // Somebody has unloaded it: it is made again.
      onEvent(.ended(reason: "the device \(name) is gone"))
    }
  }

  private func ask() {
    guard unsafe question == nil else {
      isStale = true
      return
    }
    isStale = false
    unsafe question = pa_context_get_sink_info_by_name(
      session.context, name, watchedSinkDescribed, Unmanaged.passUnretained(self).toOpaque())
  }

  fileprivate func told(_ info: UnsafePointer<pa_sink_info>) {
    reader.setPlayedInto(unsafe aura_pa_is_running(info) != 0)
    let gain = unsafe aura_pa_gain(info)
    let isMuted = unsafe info.pointee.mute != 0
    guard isMuted || abs(gain - 1) > 0.001 else { return }
    unsafe aura_pa_reset_volume(session.context, info)
    // The keys count from what they find, which is always the full volume.
    var volume = device.volume
    volume.gain = min(1, volume.gain * gain)
    if isMuted { volume.isMuted.toggle() }
    device.didChange(volume)
  }

  fileprivate func answered() {
    if let question = unsafe question { unsafe pa_operation_unref(question) }
    unsafe question = nil
    if isStale { ask() }
  }
}

/// A plain function, not a closure: libpulse's loop thread calls it.
private func watchedSinkDescribed(
  _ pulse: OpaquePointer?, _ info: UnsafePointer<pa_sink_info>?, _ end: Int32,
  _ context: UnsafeMutableRawPointer?
) {
  guard let context = unsafe context else { return }
  let watch = unsafe Unmanaged<PulseOutputWatch>.fromOpaque(context).takeUnretainedValue()
  if end == 0, let info = unsafe info { unsafe watch.told(info) } else { watch.answered() }
}
