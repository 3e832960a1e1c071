/// Why a server's answer is of no use, as a sentence for whoever wants to listen.
package enum PlayerAnswerError: Error, Equatable, Sendable, CustomStringConvertible {
  case tooLong(bytes: Int)
  /// A line is too long, or not of the form x=value.
  case malformed(line: Int)
  case notSDP
  case tooManySections
  case noAudio
  case notSending(direction: String)
  case notSecure(transport: String)
  case noOpus
  case noMultiplexing
  case noCredentials
  case noFingerprint
  case weakFingerprint(hash: String)
  case undecided(setup: String)
  case noCandidates

  init(_ error: SDPError) {
    self =
      switch error {
      case .tooLong(let bytes): .tooLong(bytes: bytes)
      case .lineTooLong(let line), .malformed(let line): .malformed(line: line)
      case .notSDP: .notSDP
      case .tooManySections: .tooManySections
      case .noAudio: .noAudio
      case .notReceiving(let direction): .notSending(direction: direction)
      case .notSecure(let transport): .notSecure(transport: transport)
      case .noOpus: .noOpus
      case .noMultiplexing: .noMultiplexing
      // A lite server is welcome: this one is never thrown for an answer.
      case .noCredentials, .lite: .noCredentials
      case .noFingerprint: .noFingerprint
      case .weakFingerprint(let hash): .weakFingerprint(hash: hash)
      case .passive(let setup): .undecided(setup: setup)
      }
  }

  package var description: String {
    switch self {
    case .tooLong(let bytes):
      "The server's answer has \(bytes) bytes, and at most \(SessionOffer.longest) are read. "
        + "Ask whoever runs it."
    case .malformed(let line):
      "Line \(line) of the server's answer is no line of SDP. Is this the address of a WHEP endpoint?"
    case .notSDP:
      "What the server answered is no session description. Is this the address of a WHEP endpoint?"
    case .tooManySections:
      "The server's answer has more than \(SDPText.mostSections) m= sections. Ask whoever runs it."
    case .noAudio: "The server sends no sound here. Try another broadcast of it."
    case .notSending(let direction):
      "The server's audio is \(direction), so nothing comes from it. Try another broadcast of it."
    case .notSecure(let transport):
      "The server wants to send over \(transport), which is not encrypted. Ask whoever runs it."
    case .noOpus: "The server does not send Opus, which we asked for. Ask whoever runs it."
    case .noMultiplexing:
      "The server wants a second port for RTCP, which WebRTC has given up. Ask whoever runs it."
    case .noCredentials:
      "The server's answer has no usable a=ice-ufrag and a=ice-pwd. Ask whoever runs it."
    case .noFingerprint:
      "The server's answer has no usable a=fingerprint, so it could be anybody. Ask whoever runs it."
    case .weakFingerprint(let hash):
      "The server's fingerprint is made with \(hash), which proves too little. Ask whoever runs it."
    case .undecided(let setup):
      "The server answers a=setup:\(setup), and does not say who begins. Ask whoever runs it."
    case .noCandidates:
      "The server's answer names no address to reach it at by UDP. Ask whoever runs it."
    }
  }
}
