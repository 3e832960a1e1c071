internal import AuraStream

/// Whether a text is where a web page can come from: `https://name` or `http://name:port`.
package func isWebOrigin(_ text: String) -> Bool { WebOrigin(text) != nil }

/// Whether a text is a host's name, and no address.
package func isHostName(_ text: String) -> Bool {
  guard let authority = WebAuthority(text), authority.port == nil, !text.hasSuffix(":") else {
    return false
  }
  return if case .name = authority.host { true } else { false }
}

/// Who is asked for in a URL or a Host field: `name`, `192.0.2.1:8080`, `[2001:db8::1]:8080`.
struct WebAuthority: Hashable {
  enum Host: Hashable {
    case address(IPAddress)
    /// In lower case, without a final dot.
    case name(String)
  }

  let host: Host
  /// Nil when none is written.
  let port: Int?

  /// Nil for anything that is no authority: user names, spaces, other letters than ASCII's.
  init?(_ text: some StringProtocol) {
    guard (1...300).contains(text.utf8.count) else { return nil }
    var hostText = text[...]
    var port: Int?
    if let colon = text.lastIndex(of: ":"), text[text.index(after: colon)...].allSatisfy(\.isDigit)
    {
      // "host:" with nothing behind it is allowed (RFC 3986 §3.2.3).
      let digits = text[text.index(after: colon)...]
      guard digits.isEmpty || Int(digits).map((0...65535).contains) == true else { return nil }
      port = Int(digits)
      hostText = text[..<colon]
    }
    guard let host = Self.host(hostText) else { return nil }
    self.host = host
    self.port = port
  }

  private static func host(_ text: some StringProtocol) -> Host? {
    if text.hasPrefix("["), text.hasSuffix("]") {
      let inside = text.dropFirst().dropLast().lowercased()
      // A zone is free text to `IPAddress`; here it is compared, and said in answers.
      guard let address = IPAddress(inside), address.isIPv6,
        address.zone?.allSatisfy(\.isOfHostName) ?? true
      else { return nil }
      return .address(address)
    }
    if let address = IPAddress(text), address.isIPv4 { return .address(address) }
    let name = text.hasSuffix(".") ? text.lowercased().dropLast() : text.lowercased()[...]
    guard (1...253).contains(name.utf8.count), name.allSatisfy(\.isOfHostName),
      !name.hasSuffix(".")
    else { return nil }
    return .name(String(name))
  }
}

/// Where a web page comes from (RFC 6454), as a browser's Origin field says it.
struct WebOrigin: Hashable {
  let isSecure: Bool
  let host: WebAuthority.Host
  /// The scheme's own when none is written.
  let port: Int

  /// Nil for `null` and for schemes that are not the web's.
  init?(_ text: some StringProtocol) {
    let text = text.lowercased()
    let isSecure = text.hasPrefix("https://")
    guard isSecure || text.hasPrefix("http://"),
      let authority = WebAuthority(text.dropFirst(isSecure ? 8 : 7))
    else { return nil }
    self.isSecure = isSecure
    host = authority.host
    port = authority.port ?? (isSecure ? 443 : 80)
  }

  /// Whether the page came from whom the request is addressed to.
  ///
  /// The scheme is no part of it: in front of us there may be someone who speaks TLS.
  func isSame(as authority: WebAuthority) -> Bool {
    host == authority.host && port == authority.port ?? (isSecure ? 443 : 80)
  }
}

extension Character {
  fileprivate var isDigit: Bool { ("0"..."9").contains(self) }

  fileprivate var isOfHostName: Bool {
    isASCII && (isLetter || isNumber || self == "-" || self == "." || self == "_")
  }
}
