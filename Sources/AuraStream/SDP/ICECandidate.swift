/// An address where a peer can be reached (RFC 8445, RFC 8839).
package struct ICECandidate: Equatable, Sendable, CustomStringConvertible {
  package var endpoint: IPEndpoint
  /// Candidates of one address share it; 1 to 32 letters and digits.
  package var foundation: String
  /// The greater, the better we like it.
  package var priority: UInt32

  package init(endpoint: IPEndpoint, foundation: String, priority: UInt32) {
    self.endpoint = endpoint
    self.foundation = foundation
    self.priority = priority
  }

  /// One candidate for each address, the first the best (RFC 8445 section 5.1.2.1).
  package static func hosts(_ endpoints: [IPEndpoint]) -> [Self] {
    endpoints.enumerated().map { index, endpoint in
      let preference = UInt32(max(0, 65_535 - index))
      return Self(
        endpoint: endpoint, foundation: "\(index + 1)", priority: 126 << 24 | preference << 8 | 255)
    }
  }

  /// The address as a peer can use it: a zone means nothing there.
  var address: IPAddress {
    IPAddress(bytes: endpoint.address.bytes)?.unmapped ?? endpoint.address
  }

  /// As SDP has it after `a=`: `candidate:1 1 udp 2130706431 192.0.2.1 5555 typ host`.
  package var description: String {
    "candidate:\(foundation) 1 udp \(priority) \(address) \(endpoint.port) typ host"
  }
}

extension ICECandidate {
  /// A candidate as an answer has it behind `a=candidate:`, if we can send to it: UDP, of the first
  /// component, an address and no name.
  ///
  /// What kind it is (the server's own address, one seen from outside, a relay's) makes no difference
  /// to who sends there.
  init?(_ text: String) {
    let words = text.split(separator: " ", maxSplits: 8)
    guard words.count >= 8, words[1] == "1", words[2].lowercased() == "udp", words[6] == "typ",
      let priority = UInt32(words[3]), let port = UInt16(words[5]), port > 0,
      let address = IPAddress(words[4])?.unmapped, !address.isUnspecified, !address.isMulticast,
      // No zone is told, and without one nobody knows the way.
      address.isIPv4 || !address.isLinkLocal
    else { return nil }
    self.init(
      endpoint: IPEndpoint(address: address, port: port), foundation: String(words[0].prefix(32)),
      priority: priority)
  }
}
