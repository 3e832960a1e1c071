/// What a datagram on the one shared port is, told from its first two bytes (RFC 7983, RFC 5761).
package enum DatagramKind: Equatable, Sendable {
  case stun, dtls, rtp, rtcp
  /// Empty, or of a protocol we do not speak (ZRTP, TURN channels, QUIC): to be dropped and counted.
  case unknown

  /// - Note: it only sorts; each protocol's own parser still has to accept the bytes.
  package init(of datagram: RawSpan) {
    guard datagram.byteCount >= 2 else {
      self = .unknown
      return
    }
    self =
      switch datagram.byte(at: 0) {
      case 0...3: .stun
      case 20...63: .dtls
      case 128...191:
        // RTCP packet types 192 to 223 are RTP payload types 64 to 95 with the marker set; RFC 5761
        // keeps those free.
        (192...223).contains(datagram.byte(at: 1)) ? .rtcp : .rtp
      default: .unknown
      }
  }
}
