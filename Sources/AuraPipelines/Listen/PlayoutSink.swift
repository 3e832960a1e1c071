internal import AuraAudio
internal import AuraStream

/// Where played sound goes, and what is known of when it is heard.
protocol PlayoutSink: AnyObject {
  /// The output's last request; nil before the first.
  var report: OutputReport? { get }
  /// Frames it ever took, from whom ever: reports count them.
  var writtenFrames: Int { get }

  /// Takes sound.
  ///
  /// - Parameter samples: interleaved stereo at the output's 48 kHz.
  /// - Returns: how many frames there was room for.
  func write(_ samples: Span<Float>) -> Int

  /// Says whether the output may ask for much at a time.
  ///
  /// - Returns: whether it follows.
  func relax(_ isRelaxed: Bool) -> Bool
}

extension PlaybackTap: PlayoutSink {
  func write(_ samples: Span<Float>) -> Int {
    unsafe samples.withUnsafeBufferPointer { buffer in
      unsafe buffer.baseAddress.map { unsafe write($0, frames: buffer.count / 2) } ?? 0
    }
  }
}
