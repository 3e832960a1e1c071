/// What a listener's offer says, as far as an answer needs it (RFC 8866, RFC 8829, RFC 9143).
///
/// The candidates in it are not read: we are lite, and learn the address from the peer's checks.
package struct SessionOffer: Equatable, Sendable {
  /// The longest offer read, in bytes.
  package static let longest = 65_536

  /// One m= section, as far as its answer needs it.
  package struct Section: Equatable, Sendable {
    /// audio, video, application …
    package var kind: String
    /// Such as UDP/TLS/RTP/SAVPF.
    package var transport: String
    package var formats: [String]
    package var mid: String?
    /// When it shares the audio's transport: one of its formats, as `rtpmap:…` and `fmtp:…`, with
    /// which it can be answered as inactive. Empty when it has to be refused.
    package var format: [String] = []
  }

  /// A header extension the peer understands (RFC 8285).
  package struct HeaderExtension: Equatable, Sendable {
    package var id: UInt8
    package var uri: String
  }

  package enum Direction: String, Sendable {
    case sendReceive = "sendrecv"
    case receiveOnly = "recvonly"
    case sendOnly = "sendonly"
    case inactive
  }

  package enum Setup: String, Sendable { case active, passive, actpass, holdconn }

  /// Every m= section, in order; an answer has as many.
  package var sections: [Section]
  /// Which of them gets the sound.
  package var audioIndex: Int
  /// The names of the sections that share the audio's transport and can be answered, the audio's
  /// among them, in the offer's order; empty when the audio is in no bundle.
  package var bundle: [String]

  /// The peer's fragment: behind the colon in its checks, before it in ours.
  package var userFragment: String
  /// The key of checks sent to the peer; a lite agent sends none.
  package var password: String
  /// One or more, all of one certificate; not empty.
  package var fingerprints: [CertificateFingerprint]
  package var setup: Setup
  package var direction: Direction

  /// What Opus is called in this offer, 0 to 127.
  package var opusPayloadType: UInt8
  /// Opus's parameters, keys in small letters: `stereo` to `1`.
  package var opusParameters: [String: String]
  /// What redundant Opus (RFC 2198) is called; nil when it is not offered.
  package var redPayloadType: UInt8?
  /// Uncompressed sound that the peer would rather have than Opus; nil when Opus is what it wants.
  package var linear: LinearFormat?
  /// Feedback offered for what it wants, such as `nack` or `transport-cc`; without repeats.
  package var feedback: [String]
  /// Whether RTCP may come in packets of one (RFC 5506).
  package var hasReducedSizeRTCP: Bool
  /// Whether the peer would like its clock echoed (RFC 3611 section 5).
  package var offersReceiverReferenceTime: Bool
  package var headerExtensions: [HeaderExtension]

  package var mid: String? { sections[audioIndex].mid }
  package var isBundled: Bool { !bundle.isEmpty }
  /// Whether lost packets will be asked for.
  package var offersNACK: Bool { feedback.contains("nack") }
  /// Whether the peer says that it will play two channels.
  package var wantsStereo: Bool { opusParameters["stereo"] == "1" }
  /// The fingerprint to check: of several, the one everybody has, else the first.
  package var fingerprint: CertificateFingerprint? {
    fingerprints.first { $0.hash == .sha256 } ?? fingerprints.first
  }
}
