internal import AuraHost

/// Makes an output device of ours PipeWire's default, and puts back what was chosen before.
final class PipeWireDefault: Sendable {
  private let change: OutputRecord.Change
  private let record: OutputRecord?

  /// Waits for the session manager, which keeps what is chosen, where it has only been started.
  ///
  /// - Parameters:
  ///   - name: the device's.
  ///   - device: it keeps what was chosen before it first appeared.
  /// - Throws: `SoundError` when there is no server, none that has a default output, or no place for the
  ///   record, by which the next start puts everything back, should this process be killed.
  init(_ name: String, of device: OutputDevice) throws(SoundError) {
    let session = try PipeWireSession()
    defer { session.stop() }
    guard session.waitForChoice() else { throw Self.noChoice }
    // What could not be put back without it, of this process as well.
    if !device.isServerOurs {
      OutputRecord.repair(.pipewire) { change, _ in Self.undo(change, session) }
    }
    change = OutputRecord.Change(
      backend: .pipewire, device: name,
      formers: OutputRecord.formers(
        of: device, named: name, on: .pipewire, now: session.locked { session.graph.chosenOutput }))
    record = device.isServerOurs ? nil : try OutputRecord(change)
    session.chooseOutput(name)
  }

  private static let noChoice = SoundError(
    .failed,
    "PipeWire has no default output, for its session manager does not answer: restart it "
      + "(systemctl --user restart wireplumber).")

  /// Puts back what was chosen before, unless somebody has chosen something else meanwhile.
  ///
  /// Without the server nothing can be put back: then the record stays for the next start.
  func restore() {
    // A server that ends with us takes its default along.
    guard let record else { return }
    guard let session = try? PipeWireSession() else { return }
    defer { session.stop() }
    if Self.undo(change, session) { record.remove() }
  }

  /// Puts back what killed processes of ours have left.
  static func repair() {
    OutputRecord.repair(.pipewire) { change, _ in
      guard let session = try? PipeWireSession() else { return false }
      defer { session.stop() }
      return undo(change, session)
    }
  }

  /// - Returns: false while nobody knows what is chosen, or nobody says that it is another one now.
  private static func undo(_ change: OutputRecord.Change, _ session: PipeWireSession) -> Bool {
    guard session.hasChoice else { return false }
    let graph = session.locked { session.graph }
    guard graph.chosenOutput == change.device else { return true }
    return session.chooseOutput(change.choice(among: graph.outputNames))
  }
}
