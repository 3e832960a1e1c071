internal import AuraStream

/// A sink behind a volume that somebody else turns, without a click. For one thread.
final class VolumeSink: PlayoutSink {
  private let sink: any PlayoutSink
  private let volume: () -> Float
  private var factor: Float
  private var turned: [Float] = []

  /// - Parameters:
  ///   - sink: where the sound goes.
  ///   - volume: what it is to be multiplied by; asked with every block.
  init(_ sink: any PlayoutSink, volume: @escaping () -> Float) {
    self.sink = sink
    self.volume = volume
    factor = volume()
  }

  var report: OutputReport? { sink.report }
  var writtenFrames: Int { sink.writtenFrames }
  func relax(_ isRelaxed: Bool) -> Bool { sink.relax(isRelaxed) }

  func write(_ samples: Span<Float>) -> Int {
    let wanted = volume()
    if factor == 1, wanted == 1 { return sink.write(samples) }
    turned.removeAll(keepingCapacity: true)
    // Over one block, which is some milliseconds.
    let frames = max(1, samples.count / 2)
    let step = (wanted - factor) / Float(frames)
    for index in samples.indices {
      turned.append(samples[index] * (factor + step * Float(index / 2 + 1)))
    }
    factor = wanted
    let sound = turned
    return sink.write(sound.span)
  }
}
