/// Why a packet was neither protected nor accepted. It is dropped and counted.
package enum SRTPError: Error, Equatable, Sendable {
  /// It is too short, or no RTP or RTCP of version 2.
  case malformed
  /// It has another SSRC than this context is for.
  case foreignSource
  /// Its sequence number, or one after it, was used: it must never be encrypted again.
  case indexUsed
  /// All 2^48 RTP or 2^31 RTCP packets that one key may protect have been sent.
  case keyExhausted
  /// It was not made with our peer's key, or was changed on its way.
  case unauthentic
  /// It came before.
  case replayed
  /// It is older than what replay protection remembers.
  case tooOld
  /// It is RTCP that is not encrypted.
  case unencrypted
  /// It has one SSRC more than replay protection has room for.
  case tooManySources
  /// OpenSSL has failed.
  case cipherFailed
}
