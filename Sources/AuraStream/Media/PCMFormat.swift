/// How raw sound without a header is to be read: interleaved, little-endian.
package struct PCMFormat: Equatable, Sendable, CustomStringConvertible {
  /// What one sample looks like.
  package enum Encoding: String, CaseIterable, Sendable {
    case s16le, f32le

    /// The length of a sample.
    package var bytes: Int { self == .s16le ? 2 : 4 }
  }

  /// Rates that a person may say, in hertz.
  package static let sampleRates = 8_000...192_000
  /// Channel counts that can be.
  package static let channelCounts = 1...8

  package var encoding: Encoding
  /// Frames a second.
  package var sampleRate: Int
  /// Samples in a frame.
  package var channels: Int

  /// A format of any sample rate above zero; the caller has kept to `channelCounts`.
  package init(encoding: Encoding, sampleRate: Int = MediaTime.rate, channels: Int = 2) {
    precondition(sampleRate > 0, "a sample rate that is none")
    precondition(Self.channelCounts.contains(channels), "a channel count out of range")
    self.encoding = encoding
    self.sampleRate = sampleRate
    self.channels = channels
  }

  /// Reads `ENCODING[:RATE[:CHANNELS]]`, such as `s16le:44100:2`; nil for anything else.
  ///
  /// 48000 and 2 where nothing is said.
  package init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...3).contains(parts.count), let encoding = Encoding(rawValue: String(parts[0]))
    else { return nil }
    var sampleRate = MediaTime.rate
    var channels = 2
    if parts.count > 1 {
      guard let rate = decimal(parts[1]), Self.sampleRates.contains(rate) else { return nil }
      sampleRate = rate
    }
    if parts.count > 2 {
      guard let count = decimal(parts[2]), Self.channelCounts.contains(count) else { return nil }
      channels = count
    }
    self.init(encoding: encoding, sampleRate: sampleRate, channels: channels)
  }

  /// The length of a frame.
  package var bytesPerFrame: Int { encoding.bytes * channels }

  /// The same text that `init` reads, with everything said.
  package var description: String { "\(encoding.rawValue):\(sampleRate):\(channels)" }
}

/// A number of digits only: no sign, no space.
private func decimal(_ text: Substring) -> Int? {
  guard text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
  return Int(text)
}
