/// How SRTP encrypts and authenticates (RFC 5764 §4.1.2, RFC 7714 §14.2).
package enum SRTPProfile: CaseIterable, Sendable {
  /// AES-128 in Galois/Counter Mode.
  case aeadAES128GCM
  /// AES-128 in counter mode, and 80 bits of HMAC-SHA1.
  case aes128CMHMACSHA1_80

  /// The length of a master key in bytes.
  package var keyByteCount: Int { 16 }

  /// The length of a master salt in bytes.
  package var saltByteCount: Int { self == .aeadAES128GCM ? 12 : 14 }

  /// The length of what authenticates a packet, in bytes.
  package var tagByteCount: Int { self == .aeadAES128GCM ? 16 : 10 }

  /// Bytes that protection adds to an RTP packet.
  package var rtpOverhead: Int { tagByteCount }

  /// Bytes that protection adds to an RTCP packet: the tag, and the index.
  package var rtcpOverhead: Int { tagByteCount + 4 }
}

/// What a handshake has agreed on: a profile, and a key and a salt for either direction.
package struct SRTPKeys: Equatable, Sendable {
  /// How packets are protected.
  package let profile: SRTPProfile
  /// Protects what we send; `profile.keyByteCount` bytes.
  package let localKey: [UInt8]
  /// Goes with `localKey`; `profile.saltByteCount` bytes.
  package let localSalt: [UInt8]
  /// Protects what the peer sends; `profile.keyByteCount` bytes.
  package let remoteKey: [UInt8]
  /// Goes with `remoteKey`; `profile.saltByteCount` bytes.
  package let remoteSalt: [UInt8]

  /// Keys with the lengths that the profile asks for.
  package init(
    profile: SRTPProfile, localKey: [UInt8], localSalt: [UInt8], remoteKey: [UInt8],
    remoteSalt: [UInt8]
  ) {
    for key in [localKey, remoteKey] {
      precondition(key.count == profile.keyByteCount, "a master key has its profile's length")
    }
    for salt in [localSalt, remoteSalt] {
      precondition(salt.count == profile.saltByteCount, "a master salt has its profile's length")
    }
    self.profile = profile
    self.localKey = localKey
    self.localSalt = localSalt
    self.remoteKey = remoteKey
    self.remoteSalt = remoteSalt
  }

  /// The same keys as the peer sees them.
  package var seenByPeer: Self {
    Self(
      profile: profile, localKey: remoteKey, localSalt: remoteSalt, remoteKey: localKey,
      remoteSalt: localSalt)
  }
}
