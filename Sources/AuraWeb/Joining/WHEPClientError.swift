/// Why a server did not let us in: a sentence for whoever wants to listen.
package enum WHEPClientError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Nobody answers there, or not in time; the system's words.
  case unreachable(WHEPAddress, String)
  /// It cannot show that it is who it was asked for; OpenSSL's words.
  case untrusted(WHEPAddress, String)
  /// Nobody knows a computer of this name.
  case unknownName(String)
  /// What answers does not speak HTTP, or says too much.
  case notHTTP(WHEPAddress)
  /// It says no; its own sentence, perhaps empty.
  case refused(status: Int, String)
  /// Not now; after so many seconds another try makes sense.
  case later(status: Int, retryAfter: Int, String)
  /// It sends us from place to place.
  case redirected(WHEPAddress)

  package var description: String {
    switch self {
    case .unreachable(let address, let reason): "Nobody answers at \(address): \(reason)."
    case .untrusted(let address, let reason):
      "The certificate of \(address) is not trusted here (\(reason)). If it is right, name a file with it or its "
        + "issuer in the environment variable SSL_CERT_FILE."
    case .unknownName(let host):
      "No computer of the name \(host) is known here. Check the name, or give its address."
    case .notHTTP(let address): "What answers at \(address) does not speak HTTP as it should."
    case .refused(401, let text):
      "The server wants a token that lets you in, or another one (--token)"
        + (text.isEmpty ? "." : ": \(text)")
    case .refused(let status, let text):
      text.isEmpty
        ? "The server refuses (HTTP status \(status)). Is this the address of a WHEP endpoint?"
        : "The server refuses (HTTP status \(status)): \(text)"
    case .later(_, let seconds, let text):
      "The server says to try again in \(seconds) s\(text.isEmpty ? "." : ": \(text)")"
    case .redirected(let address):
      "\(address) sends us elsewhere: too often, from HTTPS to plain HTTP, or where we may not go."
    }
  }
}
