package import AuraStream
internal import COpenSSL

/// One handshake, of either side: DTLS 1.2 (RFC 6347, RFC 5764).
///
/// Does no I/O and reads no clock: datagrams come in by `receive`, go out by `nextDatagram`, and
/// time is an argument. OpenSSL cannot be told the time, so we repeat the last flight ourselves.
/// A server repeats it byte by byte: to the peer as if the network had, and if the peer has it
/// already, it is the peer's turn to repeat. A client's must have new record numbers, or a server
/// whose last flight was lost would take it for a replay: OpenSSL makes some repetitions in advance.
/// (What remains of OpenSSL's clock: were the computer's to be set forward by more than an hour
/// within a handshake, one flight would be sent once more.)
///
/// Owned by one thread at a time. Give a server only what comes from an address that STUN has
/// verified: it asks nobody for a cookie.
@safe package struct DTLSHandshake: ~Copyable, @unchecked Sendable {
  // Sendable: `ssl` and `wire` are known to nobody else, and OpenSSL binds them to no thread.

  /// Who begins.
  package enum Role: Sendable {
    /// We do.
    case client
    /// The peer does.
    case server
  }

  /// Where a handshake stands.
  package enum State: Equatable, Sendable {
    /// It goes on.
    case handshaking
    /// The peer is who its offer or answer says, and these are the keys.
    case established(SRTPKeys)
    /// It came to nothing; a sentence that says why, without a full stop at its end.
    case failed(String)
    /// The peer or we have ended it.
    case closed
  }

  /// After that a handshake has failed.
  package static let limit = Duration.seconds(30)
  /// How long an answer to a flight is awaited before it is repeated for the first time; twice as
  /// long each time, up to `longestWait`. Peers are near.
  package static let firstWait = Duration.milliseconds(100)
  /// The longest time between two repetitions.
  package static let longestWait = Duration.milliseconds(3_200)
  /// No datagram of ours is longer, in bytes.
  package static let largestDatagram = 1200
  /// Handshake messages of a peer that are longer than that and OpenSSL's least, 17 KB, are refused.
  static let largestMessage = 16_384
  /// A peer needs a few kilobytes for its handshake; what it sends beyond these is not looked at.
  private static let handshakeByteLimit = 65_536
  /// OpenSSL keeps an encrypted record that comes too early with 17 KB of buffer, up to 100 of them.
  private static let earlyRecordLimit = 16

  /// Where it stands.
  package private(set) var state = State.handshaking
  /// When to call `timeout`; `nil` for never.
  package private(set) var deadline: HostTime?

  private let role: Role
  private let ssl: OpaquePointer
  private let wire: DTLSWire
  private let memory: HandshakeMemory
  private let end: HostTime
  private var flight: [[UInt8]] = []
  private var wait = Self.firstWait
  private var receivedBytes = 0
  private var earlyRecords = 0
  /// OpenSSL has given up after the handshake, which was its own mistake and not the peer's wish.
  private var isDeaf = false

  /// A handshake that awaits its first datagram, or as a client has made it.
  ///
  /// - Parameters:
  ///   - role: whether we begin.
  ///   - identity: who we are.
  ///   - peerFingerprints: what the peer's offer or answer says of its certificate. Of several the ones with
  ///     the strongest hash count, and one of them must match.
  ///   - now: the present.
  /// - Throws: `CryptoError` without a fingerprint, or when OpenSSL has no memory.
  package init(
    _ role: Role = .server, identity: DTLSIdentity, peerFingerprints: [CertificateFingerprint],
    now: HostTime
  ) throws(CryptoError) {
    if peerFingerprints.isEmpty { throw CryptoError("a handshake needs the peer's fingerprint") }
    let wire = DTLSWire(fingerprints: CertificateFingerprint.strongest(peerFingerprints))
    guard let ssl = unsafe SSL_new(identity.context) else { throw .openSSL("begin a handshake") }
    guard unsafe wire.attach(to: ssl), unsafe aura_set_mtu(ssl, Self.largestDatagram) == 1 else {
      unsafe SSL_free(ssl)
      throw .openSSL("begin a handshake")
    }
    switch role {
    case .server:
      unsafe DTLS_set_timer_cb(ssl, neverRing)
      unsafe SSL_set_accept_state(ssl)
    case .client:
      unsafe DTLS_set_timer_cb(ssl, ringInAdvance)
      unsafe SSL_set_connect_state(ssl)
    }
    self.role = role
    unsafe self.ssl = ssl
    self.wire = wire
    memory = HandshakeMemory()
    end = now + Self.limit
    deadline = end
    if role == .client { continueHandshake(now: now) }
  }

  /// A handshake with a peer of whom one fingerprint is known.
  ///
  /// - Parameters:
  ///   - role: whether we begin.
  ///   - identity: who we are.
  ///   - peerFingerprint: what the peer's offer or answer says of its certificate.
  ///   - now: the present.
  /// - Throws: `CryptoError` when OpenSSL has no memory.
  package init(
    _ role: Role = .server, identity: DTLSIdentity, peerFingerprint: CertificateFingerprint,
    now: HostTime
  ) throws(CryptoError) {
    try self.init(role, identity: identity, peerFingerprints: [peerFingerprint], now: now)
  }

  deinit { unsafe SSL_free(ssl) }

  /// The next datagram to send; `nil` when there is none. Ask until then after every other call.
  package mutating func nextDatagram() -> [UInt8]? {
    wire.outgoing.isEmpty ? nil : wire.outgoing.removeFirst()
  }

  /// Takes a datagram of the peer's. Nonsense is dropped.
  ///
  /// - Parameters:
  ///   - datagram: all of it.
  ///   - now: the present.
  /// - Returns: where it stands then.
  @discardableResult
  package mutating func receive(_ datagram: RawSpan, now: HostTime) -> State {
    switch state {
    case .failed, .closed: break
    case .established:
      guard !isDeaf, EncryptedRecords(of: datagram).shortest >= shortestEncrypted else { break }
      wire.incoming = Self.copy(datagram)
      readRest()
    case .handshaking:
      let encrypted = EncryptedRecords(of: datagram)
      receivedBytes += datagram.byteCount
      earlyRecords += encrypted.count
      guard receivedBytes <= Self.handshakeByteLimit, earlyRecords <= Self.earlyRecordLimit,
        encrypted.shortest >= shortestEncrypted
      else { break }
      wire.incoming = Self.copy(datagram)
      continueHandshake(now: now)
    }
    wire.incoming = nil
    return state
  }

  /// Repeats what the peer has not answered, or gives up. Does nothing before `deadline`.
  ///
  /// - Parameter now: the present.
  /// - Returns: where it stands then.
  @discardableResult
  package mutating func timeout(now: HostTime) -> State {
    guard state == .handshaking, let due = deadline, now >= due else { return state }
    if now >= end {
      let seconds = Int(Self.limit.inSeconds)
      settle(.failed("the DTLS handshake was not finished within \(seconds) s"))
      return state
    }
    let again = wire.repetitions.isEmpty ? flight : wire.repetitions.removeFirst()
    for datagram in again { wire.outgoing.append(datagram) }
    wait = min(wait * 2, Self.longestWait)
    deadline = min(now + wait, end)
    return state
  }

  /// Ends it, and tells the peer if there is a key to do it with.
  package mutating func close() {
    switch state {
    case .failed, .closed: return
    case .established:
      // Writing without the buffers that only reading makes would be a crash.
      readRest(keepingBuffers: true)
      if case .established = state, !isDeaf { unsafe SSL_shutdown(ssl) }
    case .handshaking: break
    }
    settle(.closed)
  }

  private mutating func settle(_ final: State) {
    state = final
    deadline = nil
    flight = []
    wire.repetitions = []
  }

  private mutating func continueHandshake(now: HostTime) {
    let before = wire.outgoing.count
    ERR_clear_error()
    wire.isRepeating = false
    let result = unsafe memory.shakeHands(ssl)
    let sent = wire.outgoing[before...]
    if result == 1 {
      settle(agreedState())
      // Whatever else was in the datagram.
      if case .established = state { readRest() }
    } else if unsafe SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ {
      settle(.failed(failure()))
    } else if !sent.isEmpty {
      flight = Array(sent)
      wait = Self.firstWait
      deadline = min(now + wait, end)
    }
  }

  private func failure() -> String {
    if wire.isPeerVerified == false {
      return role == .server
        ? "the listener's certificate is not the one whose fingerprint is in its offer"
        : "the server's certificate is not the one whose fingerprint is in its answer"
    }
    let reasons = CryptoError.takeReasons()
    return "the DTLS handshake failed (\(reasons.isEmpty ? "no reason given" : reasons))"
  }

  /// What a handshake that OpenSSL is content with has led to.
  private func agreedState() -> State {
    let peer = role == .server ? "listener" : "server"
    guard wire.isPeerVerified == true else {
      return .failed("the \(peer) has shown no certificate")
    }
    guard let profile = agreedProfile() else {
      return .failed("the \(peer) offers no SRTP protection that we know")
    }
    guard let keys = exportKeys(profile) else { return .failed(failure()) }
    return .established(keys)
  }

  private func agreedProfile() -> SRTPProfile? {
    switch unsafe SSL_get_selected_srtp_profile(ssl)?.pointee.id {
    case UInt(SRTP_AEAD_AES_128_GCM): .aeadAES128GCM
    case UInt(SRTP_AES128_CM_SHA1_80): .aes128CMHMACSHA1_80
    default: nil
    }
  }

  /// RFC 5764 §4.2: keys of client and server, then their salts.
  private func exportKeys(_ profile: SRTPProfile) -> SRTPKeys? {
    let (key, salt) = (profile.keyByteCount, profile.saltByteCount)
    var material = [UInt8](repeating: 0, count: 2 * (key + salt))
    let label = "EXTRACTOR-dtls_srtp"
    guard
      unsafe SSL_export_keying_material(
        ssl, &material, material.count, label, label.utf8.count, nil, 0, 0) == 1
    else { return nil }
    defer { unsafe OPENSSL_cleanse(&material, material.count) }
    let client = SRTPKeys(
      profile: profile,
      localKey: Array(material[..<key]),
      localSalt: Array(material[2 * key..<(2 * key + salt)]),
      remoteKey: Array(material[key..<2 * key]),
      remoteSalt: Array(material[(2 * key + salt)...]))
    return role == .client ? client : client.seenByPeer
  }

  /// Lets OpenSSL answer a repeated flight, and notices the peer's farewell. There is no other
  /// content: media has its own keys.
  private mutating func readRest(keepingBuffers: Bool = false) {
    guard !isDeaf else { return }
    var ignored = [UInt8](repeating: 0, count: 2048)
    let before = wire.outgoing.count
    // A datagram has at most this many records.
    for _ in 0..<100 {
      ERR_clear_error()
      let result = unsafe SSL_read(ssl, &ignored, Int32(ignored.count))
      if result > 0 { continue }
      guard unsafe SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ else { break }
      if unsafe SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0 {
        settle(.closed)
      } else {
        // Whatever anybody has sent that was too much for it: nothing of that is told to the peer,
        // whose media needs no DTLS any more.
        isDeaf = true
        wire.outgoing.removeSubrange(before...)
      }
      break
    }
    // 34 of the 72 KB that a listener's handshake keeps; the next `SSL_read` makes them anew.
    if !keepingBuffers { unsafe SSL_free_buffers(ssl) }
    // And another 16.
    memory.giveBack()
  }

  /// OpenSSL takes an encrypted record that is shorter than what encryption adds for a failure of its
  /// own and ends the connection, although anybody can send one (RFC 6347 §4.1.2.7: discard it).
  private var shortestEncrypted: Int {
    let cipher = unsafe SSL_get_current_cipher(ssl) ?? SSL_get_pending_cipher(ssl)
    let kind = unsafe cipher.map { unsafe SSL_CIPHER_get_cipher_nid($0) }
    // The tag; with GCM also a part of the nonce.
    return kind == NID_chacha20_poly1305 ? 16 : 24
  }

  private static func copy(_ datagram: RawSpan) -> [UInt8] {
    unsafe datagram.withUnsafeBytes { unsafe Array($0) }
  }
}

/// OpenSSL's timer interval in microseconds: the better part of its longest.
private func neverRing(_ ssl: OpaquePointer?, _ interval: UInt32) -> UInt32 { 4_000_000_000 }

/// Lets OpenSSL repeat a flight of ours at once, several times over, and the wire keep that for later.
///
/// OpenSSL asks with an interval of zero when a new flight begins, and else when it is about to
/// repeat; within 15 ms its timer counts as run out.
private func ringInAdvance(_ ssl: OpaquePointer?, _ interval: UInt32) -> UInt32 {
  let isMore = unsafe attachedWire(SSL_get_ex_data(ssl, 0))?.didRing(isFirst: interval == 0)
  return isMore == true ? 1 : neverRing(nil, 0)
}

/// The records of a datagram that are not of epoch 0.
private struct EncryptedRecords {
  private(set) var count = 0
  /// The bytes of the shortest, by their headers.
  private(set) var shortest = Int.max

  init(of datagram: RawSpan) {
    var start = 0
    while start + 13 <= datagram.byteCount {
      func byte(_ offset: Int) -> Int {
        Int(unsafe datagram.unsafeLoad(fromByteOffset: start + offset, as: UInt8.self))
      }
      let length = byte(11) << 8 + byte(12)
      if byte(3) != 0 || byte(4) != 0 {
        count += 1
        shortest = min(shortest, length)
      }
      start += 13 + length
    }
  }
}
