/// Why an offer cannot be answered, as a sentence for whoever made it.
package enum SDPError: Error, Equatable, Sendable, CustomStringConvertible {
  case tooLong(bytes: Int)
  case lineTooLong(line: Int)
  case malformed(line: Int)
  case notSDP
  case tooManySections
  case noAudio
  case notReceiving(direction: String)
  case notSecure(transport: String)
  case noOpus
  case noMultiplexing
  case noCredentials
  case noFingerprint
  case weakFingerprint(hash: String)
  case passive(setup: String)
  case lite

  package var description: String {
    switch self {
    case .tooLong(let bytes):
      "The offer has \(bytes) bytes, and at most \(SessionOffer.longest) are read. "
        + "Offer fewer codecs and candidates."
    case .lineTooLong(let line):
      "Line \(line) of the offer is longer than \(SDPText.longestLine) bytes. Make it shorter."
    case .malformed(let line):
      "Line \(line) of the offer is not of the form x=value. Send the SDP as it is, as text."
    case .notSDP: "This is no session description: it must begin with v=0. Send an SDP offer."
    case .tooManySections:
      "The offer has more than \(SDPText.mostSections) m= sections. One for audio is enough."
    case .noAudio:
      "The offer asks for no sound: it has no usable m=audio section. "
        + "Add an audio transceiver that receives."
    case .notReceiving(let direction):
      "The offer's audio is \(direction), so nothing may be sent to it. Offer a=recvonly."
    case .notSecure(let transport):
      "The offer's audio wants \(transport), and only encrypted sound is sent. "
        + "Offer UDP/TLS/RTP/SAVPF."
    case .noOpus:
      "The offer's audio has no Opus, which every WebRTC endpoint has. Offer opus/48000/2; behind L24/48000/2 or "
        + "L16/48000/2 where uncompressed sound is wanted."
    case .noMultiplexing:
      "The offer's audio wants a second port for RTCP, and there is only one. Offer a=rtcp-mux."
    case .noCredentials:
      "The offer has no usable a=ice-ufrag and a=ice-pwd for its audio. Offer them."
    case .noFingerprint:
      "The offer has no usable a=fingerprint for its audio. Offer one with sha-256."
    case .weakFingerprint(let hash):
      "The offer's fingerprint is made with \(hash), which proves too little. "
        + "Offer one with sha-256."
    case .passive(let setup):
      "The offer says a=setup:\(setup), and this side waits for DTLS too. Offer a=setup:actpass."
    case .lite:
      "The offer says a=ice-lite, and this side is lite too: nobody would begin. "
        + "Use a client with full ICE."
    }
  }
}
