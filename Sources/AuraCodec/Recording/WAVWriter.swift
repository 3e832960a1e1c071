internal import AuraStream
internal import CSndFile
internal import Glibc

/// Writes stereo sound at 48 kHz into a WAV file of 24 bits a sample; one above 4 GiB becomes RF64.
///
/// For one thread.
@safe package final class WAVWriter {
  /// The longest time until the header says what is there: all that a player believes.
  private static let longestUntold = MediaTime.rate

  private let file: RecordingFile
  private let handle: OpaquePointer
  private var untold = 0

  /// Frames that were written.
  package private(set) var frames = 0

  /// Writes the header.
  ///
  /// - Throws: `CodecError` when the file cannot be written.
  package init(_ file: RecordingFile) throws(CodecError) {
    self.file = file
    try file.begin()
    var info = SF_INFO()
    info.samplerate = Int32(MediaTime.rate)
    info.channels = 2
    info.format = Int32(SF_FORMAT_RF64 | SF_FORMAT_PCM_24)
    guard
      let opened = unsafe sf_open_fd(file.descriptor, Int32(SFM_WRITE), &info, Int32(SF_FALSE))
    else { throw file.failure() }
    unsafe handle = opened
    unsafe sf_command(handle, Int32(SFC_RF64_AUTO_DOWNGRADE), nil, Int32(SF_TRUE))
    unsafe sf_command(handle, Int32(SFC_SET_CLIPPING), nil, Int32(SF_TRUE))
  }

  deinit { unsafe sf_close(handle) }

  /// Appends sound.
  ///
  /// - Parameter samples: interleaved stereo; what is beyond full scale is cut.
  /// - Throws: `CodecError` when the file cannot be written.
  package func append(_ samples: Span<Float>) throws(CodecError) {
    let count = samples.count / 2
    let written = unsafe samples.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return 0 }
      return unsafe Int(sf_writef_float(handle, base, sf_count_t(count)))
    }
    frames += written
    untold += written
    guard written == count else { throw file.failure() }
    if untold >= Self.longestUntold { tell() }
  }

  /// Ends the file; nothing can be appended afterwards.
  package func finish() { tell() }

  private func tell() {
    untold = 0
    unsafe sf_command(handle, Int32(SFC_UPDATE_HEADER_NOW), nil, 0)
  }
}
