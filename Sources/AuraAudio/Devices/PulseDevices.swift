/// What a PulseAudio server can capture from and play to.
package enum PulseDevices {
  /// Asks the server. An output's monitor is not listed: the output stands for it.
  ///
  /// - Throws: `SoundError` when there is no server or it refuses us.
  package static func list() throws(SoundError) -> [SoundDevice] {
    let session = try PulseSession(clientName: "AuraLync")
    defer { session.stop() }
    return session.locked { session.graph.devices }
  }

  /// The programs that play at present, by the name that their sound alone can be had by.
  ///
  /// - Throws: `SoundError` when there is no server or it refuses us.
  package static func programs() throws(SoundError) -> [String] {
    let session = try PulseSession(clientName: "AuraLync")
    defer { session.stop() }
    return session.locked { session.graph.programs }
  }
}
