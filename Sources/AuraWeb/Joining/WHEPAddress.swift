internal import FoundationEssentials

/// The address of a WHEP endpoint or of a session at one: `http://host:port/path`, or with https.
package struct WHEPAddress: Equatable, Sendable, CustomStringConvertible {
  /// As it stands in the URL: a name, an IPv4 address, an IPv6 address without brackets.
  package let host: String
  package let port: Int
  /// Begins with `/`; may have a query.
  package let path: String
  /// Whether it is spoken with over TLS.
  package let isSecure: Bool
  /// What lets us in there (RFC 6750); nil where nothing is asked for. It goes to this host and port only, or
  /// from port 80 to TLS at 443, and never from TLS to plain HTTP. Not in `description`.
  package var token: String?

  /// - Parameters:
  ///   - host: a name or a numeric address.
  ///   - port: 1 to 65,535.
  ///   - path: begins with `/`.
  ///   - isSecure: whether it is spoken with over TLS.
  package init(host: String, port: Int, path: String, isSecure: Bool = false) {
    self.host = host
    self.port = port
    self.path = path
    self.isSecure = isSecure
  }

  /// A URL as people write it.
  ///
  /// - Returns: nil for anything that is no URL of HTTP.
  package init?(_ text: String) {
    let lowercased = text.lowercased()
    guard let scheme = ["http://", "https://"].first(where: { lowercased.hasPrefix($0) }) else {
      return nil
    }
    isSecure = scheme == "https://"
    let rest = text.dropFirst(scheme.count).prefix { $0 != "#" }
    let authorityText = rest.prefix { $0 != "/" && $0 != "?" }
    guard let authority = WebAuthority(authorityText), authority.port != 0 else { return nil }
    let path = rest.dropFirst(authorityText.count)
    guard path.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
    host =
      switch authority.host {
      case .address(let address): "\(address)"
      case .name(let name): name
      }
    port = authority.port ?? (isSecure ? 443 : 80)
    self.path = path.hasPrefix("/") ? String(path) : "/" + path
  }

  /// Where a Location field leads that was answered here (RFC 9110 section 10.2.2).
  ///
  /// - Returns: nil when it leads to nothing we can speak with, or from TLS to plain HTTP.
  func resolving(_ location: String) -> Self? {
    guard var next = following(location), next.isSecure || !isSecure else { return nil }
    // The usual way from HTTP to HTTPS is the same place too; any other port may be another's.
    let isSamePlace = next.port == port || (port == 80 && next.port == 443 && next.isSecure)
    if isSamePlace, next.host.lowercased() == host.lowercased() { next.token = token }
    return next
  }

  private func following(_ location: String) -> Self? {
    // A fragment is the reader's own business.
    let reference = location.prefix { $0 != "#" }
    guard !reference.isEmpty, reference.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      return nil
    }
    // A colon before the first slash ends a scheme; later ones are part of a path or a query.
    if reference.prefix(while: { $0 != "/" && $0 != "?" }).contains(":") {
      return Self(String(reference))?.withoutDots
    }
    if reference.hasPrefix("//") {
      return Self((isSecure ? "https:" : "http:") + reference)?.withoutDots
    }
    if reference.hasPrefix("/") {
      return replacing(path: String(reference)).withoutDots
    }
    let own = path.prefix { $0 != "?" }
    let base = reference.hasPrefix("?") ? own : own[...(own.lastIndex(of: "/") ?? own.startIndex)]
    return replacing(path: "\(base)\(reference)").withoutDots
  }

  /// The same server's, at another path.
  package func replacing(path: String) -> Self {
    var next = Self(host: host, port: port, path: path, isSecure: isSecure)
    next.token = token
    return next
  }

  /// The same where `.` and `..` have been followed (RFC 3986 section 5.2.4). Other paths stay as they are
  /// to the letter: they are the server's names.
  private var withoutDots: Self {
    let origin = "http://a"
    guard path.prefix(while: { $0 != "?" }).contains("/."),
      let url = URL(string: origin + path)?.standardized
    else { return self }
    let followed = url.absoluteString.dropFirst(origin.count)
    return replacing(path: followed.hasPrefix("/") ? String(followed) : "/" + followed)
  }

  /// Whether it looks like one of ours.
  package var isOurs: Bool { path.hasPrefix("/whep/") }

  /// What is asked for by somebody who keeps sound until its time has come (docs/api.md); others' servers are told
  /// nothing, and a query that is there already says enough.
  var keeperPath: String { isOurs && !path.contains("?") ? path + "?holds=true" : path }

  /// For the Host field.
  var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  package var description: String { "\(isSecure ? "https" : "http")://\(authority)\(path)" }
}
