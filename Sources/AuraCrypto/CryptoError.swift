internal import COpenSSL

/// Why something of OpenSSL's could not be made: one sentence for a person.
package struct CryptoError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The sentence, without a full stop at its end.
  package var description: String

  /// An error with its sentence.
  package init(_ description: String) { self.description = description }

  /// What could not be done, with the reasons OpenSSL has noted in this thread.
  static func openSSL(_ what: String) -> Self {
    let reasons = takeReasons()
    return Self("OpenSSL cannot \(what) (\(reasons.isEmpty ? "no reason given" : reasons))")
  }

  /// The reasons OpenSSL has noted in this thread, oldest first, and forgets by this.
  static func takeReasons() -> String {
    var reasons: [String] = []
    while case let code = ERR_get_error(), code != 0 {
      if let text = unsafe ERR_reason_error_string(code) {
        unsafe reasons.append(String(cString: text))
      } else {
        reasons.append("error \(code)")
      }
    }
    return reasons.joined(separator: ", ")
  }
}
