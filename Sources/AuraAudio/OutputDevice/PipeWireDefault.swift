internal import AuraHost

/// Makes an output device of ours PipeWire's default, and puts back what was chosen before.
final class PipeWireDefault: Sendable {
  private let name: String
  private let former: String?
  private let record: OutputRecord?

  /// - Parameters:
  ///   - name: the device's.
  ///   - isRecorded: whether the next start puts it back, should this process be killed.
  /// - Throws: `SoundError` when there is no server or no place for the record.
  init(_ name: String, isRecorded: Bool) throws(SoundError) {
    let session = try PipeWireSession()
    defer { session.stop() }
    self.name = name
    former = session.locked { session.graph.chosenOutput }
    let change = OutputRecord.Change(
      backend: .pipewire, device: name, former: former, becameDefault: true)
    record = isRecorded ? try OutputRecord(change) : nil
    session.chooseOutput(name)
  }

  /// Puts back what was chosen before, unless somebody has chosen something else meanwhile.
  ///
  /// Without the server nothing can be put back: then the record stays for the next start.
  func restore() {
    guard let session = try? PipeWireSession() else { return }
    defer { session.stop() }
    Self.restore(former, insteadOf: name, session)
    record?.remove()
  }

  /// Puts back what killed processes of ours have left.
  static func repair() {
    OutputRecord.repair(.pipewire) { change, _ in
      guard let session = try? PipeWireSession() else { return false }
      defer { session.stop() }
      restore(change.former, insteadOf: change.device, session)
      return true
    }
  }

  private static func restore(
    _ former: String?, insteadOf name: String, _ session: PipeWireSession
  ) {
    guard session.locked({ session.graph.chosenOutput }) == name else { return }
    session.chooseOutput(former)
  }
}
