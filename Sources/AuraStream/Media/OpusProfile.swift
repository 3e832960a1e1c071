/// How a broadcast's sound is encoded: 48 kHz stereo Opus, once for all listeners of a profile.
package struct OpusProfile: Hashable, Sendable {
  /// What the encoder is tuned for.
  package enum Application: Hashable, Sendable {
    /// Any sound; 6.5 ms of look-ahead.
    case audio
    /// Nothing but low delay: 2.5 ms of look-ahead.
    case restrictedLowDelay
  }

  /// Bitrates that a person may say, in bits per second.
  package static let bitrates = 32_000...510_000
  /// What nobody has to say, in bits per second.
  package static let usualBitrate = 128_000
  /// The longest encoded frame, in bytes.
  ///
  /// A datagram of 1,200 bytes less an RTP header (12), a header extension (12), and the
  /// encryption's tag (16). Only 20 ms above 464 kbit/s would ask for more; they get this.
  package static let mostBytes = 1_160

  /// 10 ms: the default.
  package static let smooth = Self(application: .audio, frames: 480)
  /// 5 ms, and the encoder's own delay as small as it goes.
  package static let lowLatency = Self(application: .restrictedLowDelay, frames: 240)
  /// 20 ms: the fewest packets.
  package static let stable = Self(application: .audio, frames: 960)

  package let application: Application
  /// Frames in a packet, at 48 kHz.
  package let frames: Int
  /// Bits per second, without headers; within `bitrates`.
  package let bitrate: Int

  private init(application: Application, frames: Int, bitrate: Int = usualBitrate) {
    self.application = application
    self.frames = frames
    self.bitrate = bitrate
  }

  /// The same profile at another bitrate; the caller has kept to `bitrates`.
  package func withBitrate(_ bitrate: Int) -> Self {
    precondition(Self.bitrates.contains(bitrate), "a bitrate out of range")
    return Self(application: application, frames: frames, bitrate: bitrate)
  }

  /// How long a packet sounds.
  package var ptime: Duration { .frames(frames) }

  /// A packet's length on average, in bytes, without headers.
  package var typicalBytes: Int { bitrate / 8 * frames / MediaTime.rate }

  /// What one listener takes of the network on average: sound, RTP, the encryption's tag, UDP, IPv4.
  package var bytesPerSecond: Int { (typicalBytes + 12 + 16 + 8 + 20) * MediaTime.rate / frames }
}
