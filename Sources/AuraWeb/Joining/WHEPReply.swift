internal import AuraStream

/// What a WHEP server answered, and what it means to who asked.
struct WHEPReply: Equatable, Sendable {
  /// Of an offer.
  enum Meaning: Equatable, Sendable {
    /// The body is the answer, and the session is there, where one was told.
    case accepted(session: WHEPAddress?)
    /// The same is to be asked there.
    case elsewhere(WHEPAddress)
  }

  var status: Int
  var location: String?
  var retryAfter: String?
  var body: String
  /// Whether the server is this computer.
  var isLocal = false
  /// When it was asked for, and when it was here, where somebody wants to know.
  var asked: HostTime?
  var received: HostTime?

  /// What it means (draft-ietf-wish-whep; redirections as of RFC 9110 section 15.4).
  ///
  /// - Parameter address: where the offer was posted to.
  /// - Returns: what follows from it.
  /// - Throws: `WHEPClientError`, why it is no answer.
  func meaning(from address: WHEPAddress) throws(WHEPClientError) -> Meaning {
    let next = location.flatMap { address.resolving($0) }
    switch status {
    case 200, 201: return .accepted(session: next)
    case 301, 302, 307, 308:
      guard let next else { throw .redirected(address) }
      return .elsewhere(next)
    default: throw refusal
    }
  }

  /// Why it says no: its own sentence, as far as it is one, in 300 characters at most.
  var refusal: WHEPClientError {
    let line = body.split(whereSeparator: \.isNewline).joined(separator: " ").prefix(300)
    let text = String(String.UnicodeScalarView(line.unicodeScalars.filter { !Self.isControl($0) }))
    // A page of HTML is no sentence.
    let sentence = text.contains("<") ? "" : text
    if [409, 429, 503].contains(status), let seconds = retryAfter.flatMap({ Int($0) }) {
      return .later(status: status, retryAfter: min(max(1, seconds), 3_600), sentence)
    }
    return .refused(status: status, sentence)
  }

  /// Whether a terminal would obey it rather than show it.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
  }
}
