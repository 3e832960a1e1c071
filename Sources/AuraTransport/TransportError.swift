/// Why the network could not be used. The text is one sentence for a person.
package struct TransportError: Error, Equatable, Sendable, CustomStringConvertible {
  package enum Kind: Sendable {
    /// The address or port cannot be had on this computer.
    case cannotBind
    /// Nobody knows the name.
    case unknownHost
    /// Nobody answers there.
    case cannotConnect
    /// Whoever waited asked to stop.
    case cancelled
    /// The other side ended the connection, or it broke.
    case closed
  }

  package var kind: Kind
  package var description: String

  package init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
