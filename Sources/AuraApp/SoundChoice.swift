internal import AuraAudio
internal import AuraHost
internal import AuraPipelines

/// Which sound server to use.
enum SoundChoice {
  /// Finds the sound server, and sets the environment so that it is reached.
  ///
  /// - Parameter wanted: what `--backend` says; nil takes the one that runs.
  /// - Returns: nil when there is none at all.
  /// - Throws: `UserError` when there is one that will not have us.
  static func backend(_ wanted: SoundBackend?) throws(UserError) -> SoundBackend? {
    let presence = SoundServerPresence.look()
    switch presence.choose(wanted) {
    case .absent: return nil
    case .refused(let why): throw UserError(why)
    case .use(let backend):
      setHostEnvironment(presence.environment)
      // One that listens may still not let us in, or not answer: better told now than for ever.
      do { _ = try Sound.devices(of: backend) } catch { throw UserError(error.description) }
      return backend
    }
  }
}
