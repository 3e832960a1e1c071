/// Where listeners find the page.
package struct PageAddress: Equatable, Sendable {
  /// A name, or a numeric address as it stands in URLs: IPv6 in brackets.
  package var host: String
  package var port: Int

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// What to type: no scheme and no port where browsers know it without.
  package var short: String { port == 80 ? host : "\(host):\(port)" }

  /// What to follow, and what the QR code says.
  package var url: String { "http://\(short)/" }
}
