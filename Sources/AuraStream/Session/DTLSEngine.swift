/// How far a DTLS handshake has come.
package enum DTLSProgress<Keys: Sendable>: Sendable {
  case handshaking
  /// Both sides have proved who they are; what the sender encrypts with.
  case established(Keys)
  /// It will not succeed; a sentence for the log.
  case failed(String)
  /// The other side has said goodbye.
  case closed
}

/// The cryptography of one listener's session: its DTLS handshake and, after that, the opening of
/// its feedback. Does no I/O and reads no clock. For one thread.
package protocol DTLSEngine: ~Copyable {
  /// What the sender encrypts with.
  associatedtype Keys: Sendable

  var progress: DTLSProgress<Keys> { get }
  /// When `timeout` wants to be called next.
  var deadline: HostTime? { get }

  /// Takes a DTLS datagram; afterwards drain `nextDatagram`.
  mutating func receive(_ datagram: RawSpan, now: HostTime)

  /// Sends again what was not answered, when the deadline has come; afterwards drain
  /// `nextDatagram`.
  mutating func timeout(now: HostTime)

  /// The next datagram for the peer; nil when there is none.
  mutating func nextDatagram() -> [UInt8]?

  /// Decrypts an SRTCP datagram.
  ///
  /// - Returns: the RTCP packet in the clear; nil when it is forged, damaged, or repeated.
  mutating func openFeedback(_ datagram: RawSpan) -> [UInt8]?

  /// Says goodbye; afterwards drain `nextDatagram`.
  mutating func close()
}
