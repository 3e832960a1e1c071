import AuraCrypto
import CSRTP

/// libsrtp with the keys of one direction: what ours is compared with.
@safe final class OtherSRTP {
  private var session: srtp_t?

  /// - Parameters:
  ///   - keys: of which it takes the local ones, whichever way it is used.
  ///   - isSender: for packets that go out, of any source; otherwise for those that come in.
  /// - Throws: what libsrtp says.
  init(keys: SRTPKeys, isSender: Bool) throws {
    try Self.check(Self.begun)
    var policy = unsafe srtp_policy_t()
    if keys.profile == .aeadAES128GCM {
      unsafe srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp)
      unsafe srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp)
    } else {
      unsafe srtp_crypto_policy_set_rtp_default(&policy.rtp)
      unsafe srtp_crypto_policy_set_rtcp_default(&policy.rtcp)
    }
    unsafe policy.ssrc.type = isSender ? ssrc_any_outbound : ssrc_any_inbound
    unsafe policy.window_size = 1024
    var key = keys.localKey + keys.localSalt
    try unsafe key.withUnsafeMutableBufferPointer { key in
      unsafe policy.key = key.baseAddress
      try Self.check(unsafe srtp_create(&session, &policy))
    }
  }

  deinit { unsafe srtp_dealloc(session) }

  struct Failure: Error, Equatable { var status: UInt32 }

  private static let begun = srtp_init()

  private static func check(_ status: srtp_err_status_t) throws {
    if status != srtp_err_status_ok { throw Failure(status: status.rawValue) }
  }

  func protectRTP(_ packet: [UInt8]) throws -> [UInt8] {
    try unsafe change(packet, room: 16) { unsafe srtp_protect(session, $0, $1) }
  }

  func unprotectRTP(_ packet: [UInt8]) throws -> [UInt8] {
    try unsafe change(packet) { unsafe srtp_unprotect(session, $0, $1) }
  }

  func protectRTCP(_ packet: [UInt8]) throws -> [UInt8] {
    try unsafe change(packet, room: 20) { unsafe srtp_protect_rtcp(session, $0, $1) }
  }

  func unprotectRTCP(_ packet: [UInt8]) throws -> [UInt8] {
    try unsafe change(packet) { unsafe srtp_unprotect_rtcp(session, $0, $1) }
  }

  private func change(
    _ packet: [UInt8], room: Int = 0,
    _ work: (UnsafeMutableRawPointer?, UnsafeMutablePointer<Int32>) -> srtp_err_status_t
  ) throws -> [UInt8] {
    let count = packet.count
    return try unsafe inPlace(packet, room: room) { (buffer) throws -> Int in
      var length = Int32(count)
      try Self.check(unsafe work(buffer.baseAddress, &length))
      return Int(length)
    }
  }
}
