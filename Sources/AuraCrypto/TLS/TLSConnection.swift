internal import COpenSSL

/// The client's side of one TLS connection: 1.2 (RFC 5246) or 1.3 (RFC 8446), by OpenSSL.
///
/// Does no I/O: bytes of the peer's come in by `receive`, ours go out by `takeOutgoing`. The peer must be
/// who it was asked for, by a certificate that this computer trusts, or that stands in the file which the environment
/// variable SSL_CERT_FILE names.
///
/// Owned by one thread at a time.
@safe package struct TLSConnection: ~Copyable {
  /// Why there is no connection.
  package enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The certificate is not one that is trusted, or another's.
    case untrusted(String)
    /// Anything else.
    case broken(String)

    /// A sentence without a full stop at its end.
    package var description: String {
      switch self {
      case .untrusted(let reason): "its certificate is not trusted here (\(reason))"
      case .broken(let reason): "the TLS connection failed (\(reason))"
      }
    }
  }

  private enum State {
    /// What is sent waits.
    case handshake
    case established
    /// The peer has said that nothing more comes from it; we may still speak.
    case ended
    /// OpenSSL has given up: it must not be asked to say goodbye.
    case broken
  }

  /// Whether what is sent goes to the peer at once.
  package var isEstablished: Bool { state == .established || state == .ended }
  /// Whether the peer has said that nothing more comes.
  package var hasEnded: Bool { state == .ended }

  private var state = State.handshake
  private let ssl: OpaquePointer
  // They belong to `ssl`.
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer
  private var waiting: [UInt8] = []

  /// A connection that has not begun.
  ///
  /// - Parameter host: whom the certificate must name: a name, or a numeric address.
  /// - Throws: `Failure` when OpenSSL has no memory or does not take the name.
  package init(to host: String) throws(Failure) {
    guard let context = unsafe TLSContext.shared.context, let ssl = unsafe SSL_new(context) else {
      throw .broken("OpenSSL cannot begin")
    }
    guard let incoming = unsafe BIO_new(BIO_s_mem()), let outgoing = unsafe BIO_new(BIO_s_mem())
    else {
      unsafe SSL_free(ssl)
      throw .broken("OpenSSL has no memory")
    }
    unsafe SSL_set_bio(ssl, incoming, outgoing)
    // A numeric address is no name: it is not told, and stands elsewhere in a certificate.
    let isAddress = unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1
    guard
      unsafe isAddress || (SSL_set1_host(ssl, host) == 1 && aura_set_server_name(ssl, host) == 1)
    else {
      ERR_clear_error()
      unsafe SSL_free(ssl)
      throw .broken("\(host) is no name")
    }
    unsafe SSL_set_connect_state(ssl)
    unsafe self.ssl = ssl
    unsafe self.incoming = incoming
    unsafe self.outgoing = outgoing
  }

  deinit { unsafe SSL_free(ssl) }

  /// Begins: we speak first.
  ///
  /// - Throws: `Failure` when OpenSSL cannot.
  package mutating func start() throws(Failure) { try advance() }

  /// Takes bytes of the peer's.
  ///
  /// - Parameter bytes: as they came.
  /// - Returns: what they say.
  /// - Throws: `Failure` when the connection is of no use any more; `takeOutgoing` may still have a
  ///   last word for the peer.
  package mutating func receive(_ bytes: [UInt8]) throws(Failure) -> [UInt8] {
    guard state != .broken else { throw .broken("it has failed before") }
    guard !bytes.isEmpty else { return [] }
    guard unsafe BIO_write(incoming, bytes, Int32(clamping: bytes.count)) == bytes.count else {
      throw .broken("OpenSSL has no memory")
    }
    if state == .handshake { try advance() }
    guard isEstablished else { return [] }
    var plain: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 16_384)
    while true {
      ERR_clear_error()
      let count = unsafe SSL_read(ssl, &part, Int32(part.count))
      guard count > 0 else {
        switch unsafe SSL_get_error(ssl, count) {
        case SSL_ERROR_WANT_READ: return plain
        case SSL_ERROR_ZERO_RETURN:
          state = .ended
          return plain
        default: throw failure()
        }
      }
      plain += part[..<Int(count)]
    }
  }

  /// Has bytes sent to the peer, once the peer is known.
  ///
  /// - Parameter bytes: any number.
  /// - Throws: `Failure` when the connection is of no use any more.
  package mutating func send(_ bytes: [UInt8]) throws(Failure) {
    guard !bytes.isEmpty else { return }
    guard state != .handshake else {
      waiting += bytes
      return
    }
    ERR_clear_error()
    guard unsafe SSL_write(ssl, bytes, Int32(clamping: bytes.count)) == bytes.count else {
      throw failure()
    }
  }

  /// What is to go to the peer now; ask after every other call.
  package mutating func takeOutgoing() -> [UInt8] {
    let count = unsafe aura_bio_pending(outgoing)
    guard count > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: count)
    let taken = unsafe BIO_read(outgoing, &bytes, Int32(clamping: count))
    return Array(bytes.prefix(max(0, Int(taken))))
  }

  /// Tells the peer that nothing more comes from us.
  package mutating func close() {
    guard isEstablished else { return }
    ERR_clear_error()
    unsafe SSL_shutdown(ssl)
    ERR_clear_error()
  }

  private mutating func advance() throws(Failure) {
    ERR_clear_error()
    let result = unsafe SSL_do_handshake(ssl)
    guard result == 1 else {
      guard unsafe SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ else { throw failure() }
      return
    }
    state = .established
    let bytes = waiting
    waiting = []
    try send(bytes)
  }

  private mutating func failure() -> Failure {
    state = .broken
    let reasons = CryptoError.takeReasons()
    let verdict = unsafe SSL_get_verify_result(ssl)
    guard verdict == X509_V_OK else {
      return .untrusted(unsafe String(cString: X509_verify_cert_error_string(Int(verdict))))
    }
    return .broken(reasons.isEmpty ? "no reason given" : reasons)
  }
}

/// Whom this computer trusts, read once: it is a file of hundreds of certificates.
@safe private final class TLSContext: @unchecked Sendable {
  // Sendable: nothing changes after `init`, and OpenSSL counts references to it atomically.

  static let shared = TLSContext()

  /// Nil where OpenSSL has none.
  let context: OpaquePointer?

  private init() {
    _ = HandshakeMemory.isOurs
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
      unsafe self.context = nil
      return
    }
    guard unsafe aura_configure_tls(context) == 1 else {
      unsafe SSL_CTX_free(context)
      unsafe self.context = nil
      return
    }
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    unsafe self.context = context
  }
}
