/// For how long a source has been silent, frame by frame.
package struct SilenceRun: Sendable {
  /// -80 dB: below it lies what sound cards and codecs add.
  private static let threshold: Float = 1e-4

  /// Silent frames up to now, in a row.
  package private(set) var frames = 0

  package init() {}

  package var duration: Duration { .frames(frames) }

  /// Takes interleaved stereo in.
  package mutating func note(_ samples: Span<Float>) {
    var index = samples.count
    while index > 0, abs(samples[index - 1]) < Self.threshold { index -= 1 }
    let quiet = (samples.count - index) / 2
    frames = index == 0 ? frames + quiet : quiet
  }
}
