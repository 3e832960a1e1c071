/// Where a server is: `HOST`, `HOST:PORT`, `[IPV6]:PORT` or a bare IPv6 address.
struct ServerAddress: Equatable, CustomStringConvertible {
  var host: String
  var port: Int
  /// Whether the text told the port.
  var isPortTold = false

  /// - Throws: `UserError` for anything else.
  init(_ text: String, defaultPort: Int) throws(UserError) {
    let (host, portText) = try Self.parts(of: text)
    guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "/" }) else {
      throw Self.error(text)
    }
    self.host = host
    guard let portText else {
      port = defaultPort
      guard port != 0 else {
        throw UserError(
          "A listener cannot use port 0: give the server's port.", exitCode: UserError.usage)
      }
      return
    }
    guard let port = Int(portText), (1...65535).contains(port) else {
      throw UserError(
        "\(text): a port is a number from 1 to 65535.", exitCode: UserError.usage)
    }
    self.port = port
    isPortTold = true
  }

  private static func parts(of text: String) throws(UserError) -> (String, String?) {
    if text.hasPrefix("[") {
      guard let end = text.firstIndex(of: "]") else { throw error(text) }
      let host = String(text[text.index(after: text.startIndex)..<end])
      let rest = text[text.index(after: end)...]
      if rest.isEmpty { return (host, nil) }
      guard rest.first == ":" else { throw error(text) }
      return (host, String(rest.dropFirst()))
    }
    let pieces = text.split(separator: ":", omittingEmptySubsequences: false)
    switch pieces.count {
    case 1: return (text, nil)
    case 2: return (String(pieces[0]), String(pieces[1]))
    default:
      guard isNumericAddress(text) else { throw error(text) }
      return (text, nil)
    }
  }

  private static func error(_ text: String) -> UserError {
    UserError(
      "\(text) is no address of a server: give HOST or HOST:PORT, as `serve` prints it.",
      exitCode: UserError.usage)
  }

  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
