package import AuraAudio

/// No output at all: whoever listens takes the sound from the tap.
package final class PulledPlayback: SoundStream {
  package init(onEvent: (StreamEvent) -> Void) { onEvent(.running(device: "the caller")) }

  package func stop() {}
}
