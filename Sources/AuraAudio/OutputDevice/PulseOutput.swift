/// An output device of ours on PulseAudio.
package enum PulseOutput {
  /// - Throws: `SoundError`: PulseAudio cannot be given one yet.
  package static func make() throws(SoundError) -> any SoundStream {
    throw SoundError(.failed, "An output device of ours needs PipeWire: this is PulseAudio.")
  }
}
