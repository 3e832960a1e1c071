/// Why a datagram is not a STUN message. It is dropped and counted.
package enum STUNError: Error, Equatable, Sendable {
  /// Shorter than a header, or not as long as the header says.
  case length(bytes: Int)
  /// The two highest bits or the magic cookie are wrong.
  case notSTUN
  /// An attribute reaches beyond the message, or its value has an impossible length.
  case malformed(attribute: UInt16)
  /// More attributes than a check ever has.
  case tooManyAttributes
  /// The FINGERPRINT is false.
  case fingerprint
}

/// Computes HMAC-SHA1 of a message: 20 bytes. The room with the cryptography provides it.
package typealias STUNAuthenticator = (_ key: [UInt8], _ message: [UInt8]) -> [UInt8]

/// The number by which an answer finds its question.
package struct STUNTransaction: Hashable, Sendable {
  /// The first 32 of its 96 bits, and the others.
  package let high: UInt32, low: UInt64

  package init(high: UInt32, low: UInt64) {
    self.high = high
    self.low = low
  }
}

/// A STUN message, as ICE uses it (RFC 8489, RFC 8445).
///
/// Reading one proves nothing: who sent it is known after `hasValidIntegrity`. Attributes behind
/// MESSAGE-INTEGRITY, which nobody vouches for, are left out.
package struct STUNMessage: Equatable, Sendable {
  package enum Kind: UInt16, Sendable { case request, indication, success, error }

  /// The method of ICE's checks, the only one we answer.
  package static let binding: UInt16 = 1

  package var kind: Kind
  package var method: UInt16
  package var transaction: STUNTransaction
  /// As sent: bytes, for ICE `receiver's fragment:sender's fragment`.
  package var username: [UInt8]?
  package var priority: UInt32?
  package var useCandidate = false
  /// The peer's tie breaker, when it says that it controls or is controlled.
  package var controlling: UInt64?, controlled: UInt64?
  /// The address a request came from, as the answer tells it.
  package var mappedAddress: IPEndpoint?
  package var errorCode: ErrorCode?
  /// Attributes of ours that the peer did not understand.
  package var unknownAttributes: [UInt16] = []
  /// Attributes that had to be understood and are not known here; a request with one is
  /// answered with error 420.
  package internal(set) var notUnderstood: [UInt16] = []
  /// Whether a FINGERPRINT was there; a false one is an error.
  package internal(set) var hasFingerprint = false
  /// Where MESSAGE-INTEGRITY begins, when there is one.
  package internal(set) var integrityOffset: Int?

  /// A number and a sentence (RFC 8489 section 14.8).
  package struct ErrorCode: Equatable, Sendable {
    /// 300 to 699.
    package var number: Int
    package var reason: String

    package init(number: Int, reason: String) {
      self.number = number
      self.reason = reason
    }

    package static let badRequest = Self(number: 400, reason: "Bad Request")
    package static let unauthenticated = Self(number: 401, reason: "Unauthenticated")
    package static let unknownAttribute = Self(number: 420, reason: "Unknown Attribute")
    package static let roleConflict = Self(number: 487, reason: "Role Conflict")
  }

  package init(kind: Kind, method: UInt16 = Self.binding, transaction: STUNTransaction) {
    self.kind = kind
    self.method = method
    self.transaction = transaction
  }

  /// The part of the username before the colon: in a request to us, our own fragment.
  package var localFragment: [UInt8]? {
    username.map { Array($0.prefix { $0 != UInt8(ascii: ":") }) }
  }
}

/// Numbers of the attributes we know (RFC 8489 section 18.3, RFC 8445 section 16.1).
enum STUNAttribute {
  static let mappedAddress: UInt16 = 0x0001
  static let username: UInt16 = 0x0006
  static let messageIntegrity: UInt16 = 0x0008
  static let errorCode: UInt16 = 0x0009
  static let unknownAttributes: UInt16 = 0x000a
  static let realm: UInt16 = 0x0014
  static let nonce: UInt16 = 0x0015
  static let messageIntegritySHA256: UInt16 = 0x001c
  static let xorMappedAddress: UInt16 = 0x0020
  static let priority: UInt16 = 0x0024
  static let useCandidate: UInt16 = 0x0025
  static let software: UInt16 = 0x8022
  static let fingerprint: UInt16 = 0x8028
  static let iceControlled: UInt16 = 0x8029
  static let iceControlling: UInt16 = 0x802a

  /// What the checksum is turned with, so that another protocol's CRC does not pass.
  static let fingerprintMask: UInt32 = 0x5354_554e
  static let cookie: UInt32 = 0x2112_a442
  static let headerByteCount = 20
}
