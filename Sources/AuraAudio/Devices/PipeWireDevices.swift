/// What a PipeWire server can capture from and play to.
package enum PipeWireDevices {
  /// Asks the server.
  ///
  /// - Throws: `SoundError` when there is no server or it refuses us.
  package static func list() throws(SoundError) -> [SoundDevice] {
    let session = try PipeWireSession()
    defer { session.stop() }
    return session.locked { session.graph.devices }
  }

  /// The programs that play at present, by the name that their sound alone can be had by.
  ///
  /// - Throws: `SoundError` when there is no server or it refuses us.
  package static func programs() throws(SoundError) -> [String] {
    let session = try PipeWireSession()
    defer { session.stop() }
    return session.locked { session.graph.programs }
  }
}
