internal import AuraAudio
internal import AuraPipelines

/// Which sound server to use.
enum SoundChoice {
  static func backend(_ wanted: SoundBackend?) throws -> SoundBackend? {
    for backend in wanted.map({ [$0] }) ?? SoundBackend.allCases {
      do {
        _ = try Sound.devices(of: backend)
        return backend
      } catch {
        if error.kind != .noServer { throw error }
      }
    }
    return nil
  }
}
