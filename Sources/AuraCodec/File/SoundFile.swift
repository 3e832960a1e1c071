internal import CSndFile
internal import Glibc

/// A sound file that is decoded from its beginning to its end: WAV, FLAC, Ogg Vorbis, Ogg Opus,
/// and whatever else the installed libsndfile can.
@safe package struct SoundFile: ~Copyable {
  private let handle: OpaquePointer
  private let name: String
  private let order: [Int]?
  private let announcedFrames: Int?
  private var readFrames = 0

  /// Frames a second.
  package let sampleRate: Int
  /// Samples in a frame, 1 to 8, in the order of WAV files.
  package let channels: Int
  /// Says how far the file could be read, once a read has met damage.
  package private(set) var damage: CodecError?

  /// Opens a file.
  ///
  /// - Throws: `CodecError` when there is no such file or when it cannot be decoded.
  package init(path: String) throws(CodecError) {
    try Self.mustBeReadable(path)
    var info = SF_INFO()
    guard let opened = unsafe sf_open(path, Int32(SFM_READ), &info) else {
      throw CodecError(
        "\(path) is not a sound file that can be decoded (WAV, FLAC, Ogg); "
          + "play it with a player and use --source system")
    }
    guard (1...8).contains(info.channels), Resampler.rates.contains(Int(info.samplerate)) else {
      unsafe sf_close(opened)
      let isRate = (1...8).contains(info.channels)
      throw CodecError(
        "\(path) has " + (isRate ? "\(info.samplerate) Hz" : "\(info.channels) channels")
          + "; convert it to at most 8 channels and an ordinary sample rate")
    }
    unsafe handle = opened
    name = path
    sampleRate = Int(info.samplerate)
    channels = Int(info.channels)
    // Without a known end libsndfile says the largest number.
    announcedFrames = info.frames > 0 && info.frames < Int64.max / 2 ? Int(info.frames) : nil
    order = vorbisOrder(format: Int(info.format), channels: channels)
  }

  deinit { _ = unsafe sf_close(handle) }

  /// How long the file says it is; nil when it does not say.
  package var duration: Duration? {
    announcedFrames.map { .seconds(Double($0) / Double(sampleRate)) }
  }

  /// Decodes the next frames.
  ///
  /// - Parameters:
  ///   - frames: how many are wanted.
  ///   - output: they are appended, interleaved.
  /// - Returns: how many there were; none at the end, which is early when `damage` says so.
  package mutating func read(frames: Int, appendingTo output: inout [Float]) -> Int {
    guard damage == nil, frames > 0 else { return 0 }
    let start = output.count
    let channels = channels
    let handle = unsafe handle
    let made =
      unsafe output.appendFilling(frames * channels) { base in
        let count = unsafe Int(sf_readf_float(handle, base, sf_count_t(frames)))
        let made = min(max(0, count), frames)
        return (made * channels, made)
      } ?? 0
    readFrames += made
    sanitise(&output, from: start)
    if made < frames { noteDamage() }
    return made
  }

  /// Broken floats become silence; Vorbis's channel order becomes that of WAV files.
  private func sanitise(_ output: inout [Float], from start: Int) {
    for index in start..<output.count where !output[index].isFinite { output[index] = 0 }
    guard let order else { return }
    var frame = [Float](repeating: 0, count: channels)
    for first in stride(from: start, to: output.count, by: channels) {
      for channel in 0..<channels { frame[channel] = output[first + order[channel]] }
      for channel in 0..<channels { output[first + channel] = frame[channel] }
    }
  }

  private mutating func noteDamage() {
    let isShort = announcedFrames.map { readFrames < $0 } ?? false
    let failure = unsafe sf_error(handle)
    guard isShort || failure != 0 else { return }
    let of = duration.map { " of \(clock($0))" } ?? ""
    let at = clock(.seconds(Double(readFrames) / Double(sampleRate)))
    damage = CodecError("\(name) is damaged and could be played only up to \(at)\(of)")
  }

  private static func mustBeReadable(_ path: String) throws(CodecError) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else {
      throw CodecError(
        errno == ENOENT
          ? "there is no file \(path); check its name"
          : "\(path) cannot be opened (\(unsafe String(cString: strerror(errno)))); "
            + "choose a file that you may read")
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw CodecError("\(path) is a directory; choose one sound file in it")
    default: throw CodecError("\(path) is no ordinary file; pipe it in and use --source stdin")
    }
    guard unsafe access(path, R_OK) == 0 else {
      throw CodecError("\(path) may not be read by you; change its permissions")
    }
  }
}

/// Minutes and seconds, for people.
private func clock(_ duration: Duration) -> String {
  let seconds = Int(duration.components.seconds)
  let rest = seconds % 60
  return "\(seconds / 60):" + (rest < 10 ? "0" : "") + "\(rest)"
}

/// Where to find each channel of WAV's order in a Vorbis or Opus frame, which libsndfile passes
/// on as it is; nil when the orders agree. Vorbis I specification, 4.3.9; RFC 7845, 5.1.1.2.
private func vorbisOrder(format: Int, channels: Int) -> [Int]? {
  let subtype = format & Int(SF_FORMAT_SUBMASK)
  guard subtype == Int(SF_FORMAT_VORBIS) || subtype == Int(SF_FORMAT_OPUS) else { return nil }
  switch channels {
  case 3: return [0, 2, 1]
  case 5: return [0, 2, 1, 3, 4]
  case 6: return [0, 2, 1, 5, 3, 4]
  case 7: return [0, 2, 1, 6, 5, 3, 4]
  case 8: return [0, 2, 1, 7, 5, 6, 3, 4]
  default: return nil
  }
}
