/// An address and a port: one end of a conversation.
package struct IPEndpoint: Hashable, Sendable, CustomStringConvertible {
  package var address: IPAddress
  package var port: UInt16

  package init(address: IPAddress, port: UInt16) {
    self.address = address
    self.port = port
  }

  /// As people write it: `192.0.2.1:5555`, `[2001:db8::1]:5555`.
  package var description: String { "\(address.bracketed):\(port)" }
}
