import AuraCrypto
internal import COpenSSL
import Testing

/// Another's OpenSSL on the far side, in memory. Whom a computer trusts is tried with a whole server, in the laboratory.
@Suite struct TLSConnectionTests {
  @Test func itSpeaksFirst() throws {
    var connection = try TLSConnection(to: "a.example")
    let early = connection.takeOutgoing()
    try connection.start()
    let hello = connection.takeOutgoing()
    // A handshake record (RFC 8446 section 5.1) with a ClientHello in it, which names the server.
    #expect(hello.first == 22 && hello[5] == 1)
    #expect(String(decoding: hello, as: UTF8.self).contains("a.example"))
    let more = connection.takeOutgoing()
    #expect(early.isEmpty && more.isEmpty)
    let (isEstablished, hasEnded) = (connection.isEstablished, connection.hasEnded)
    #expect(!isEstablished && !hasEnded)
  }

  @Test func anAddressIsNoName() throws {
    for address in ["192.0.2.1", "2001:db8::1"] {
      var connection = try TLSConnection(to: address)
      try connection.start()
      let hello = connection.takeOutgoing()
      #expect(!hello.isEmpty && !String(decoding: hello, as: UTF8.self).contains(address))
    }
  }

  /// What is to be sent waits until the peer is known; and one that nobody vouches for gets nothing.
  @Test func aCertificateThatNobodyVouchesForIsRefused() throws {
    let server = try Server()
    var connection = try TLSConnection(to: "a.example")
    try connection.send(Array("secret".utf8))
    try connection.start()
    var failure: TLSConnection.Failure?
    for _ in 0..<4 where failure == nil {
      let answer = server.receive(connection.takeOutgoing())
      do throws(TLSConnection.Failure) {
        let plain = try connection.receive(answer)
        #expect(plain.isEmpty)
      } catch {
        failure = error
      }
    }
    guard case .untrusted(let reason) = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
    #expect(!reason.isEmpty)
    let isEstablished = connection.isEstablished
    #expect(!isEstablished)
    _ = server.receive(connection.takeOutgoing())
    #expect(server.heard.isEmpty)
  }

  @Test(arguments: [UInt64](0..<40))
  func nonsenseIsAnErrorAndNoMore(seed: UInt64) throws {
    let server = try Server()
    var random = SeededGenerator(seed: seed)
    var connection = try TLSConnection(to: "a.example")
    try connection.start()
    var answer = server.receive(connection.takeOutgoing())
    // Spoilt, cut, or none of it the server's.
    if seed.isMultiple(of: 3) {
      answer = (0..<200).map { _ in .random(in: 0...255, using: &random) }
    }
    if !answer.isEmpty { answer[Int(seed) % answer.count] ^= 0x55 }
    if seed.isMultiple(of: 2) { answer.removeLast(answer.count / 2) }
    do throws(TLSConnection.Failure) {
      for byte in answer {
        let plain = try connection.receive([byte])
        #expect(plain.isEmpty)
      }
    } catch {
      #expect(!error.description.isEmpty)
    }
    let isEstablished = connection.isEstablished
    #expect(!isEstablished)
    connection.close()
  }
}

/// A server with a certificate of its own making.
@safe private final class Server {
  private let context: OpaquePointer
  private let ssl: OpaquePointer
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer
  private(set) var heard: [UInt8] = []

  init() throws {
    let key = try unsafe #require(aura_new_p256_key())
    defer { unsafe EVP_PKEY_free(key) }
    let certificate = try unsafe #require(X509_new())
    defer { unsafe X509_free(certificate) }
    let context = try unsafe #require(SSL_CTX_new(TLS_server_method()))
    unsafe X509_gmtime_adj(X509_getm_notBefore(certificate), -60)
    unsafe X509_gmtime_adj(X509_getm_notAfter(certificate), 3_600)
    unsafe X509_set_pubkey(certificate, key)
    unsafe X509_sign(certificate, key, EVP_sha256())
    #expect(unsafe SSL_CTX_use_certificate(context, certificate) == 1)
    #expect(unsafe SSL_CTX_use_PrivateKey(context, key) == 1)
    let ssl = try unsafe #require(SSL_new(context))
    let incoming = try unsafe #require(BIO_new(BIO_s_mem()))
    let outgoing = try unsafe #require(BIO_new(BIO_s_mem()))
    unsafe SSL_set_bio(ssl, incoming, outgoing)
    unsafe SSL_set_accept_state(ssl)
    unsafe (self.context, self.ssl, self.incoming, self.outgoing) = (
      context, ssl, incoming, outgoing
    )
  }

  deinit {
    unsafe SSL_free(ssl)
    unsafe SSL_CTX_free(context)
  }

  /// - Returns: its answer.
  func receive(_ bytes: [UInt8]) -> [UInt8] {
    if !bytes.isEmpty { _ = unsafe BIO_write(incoming, bytes, Int32(bytes.count)) }
    var part = [UInt8](repeating: 0, count: 16_384)
    let count = unsafe SSL_read(ssl, &part, Int32(part.count))
    if count > 0 { heard += part[..<Int(count)] }
    ERR_clear_error()
    let size = unsafe BIO_read(outgoing, &part, Int32(part.count))
    return size > 0 ? Array(part[..<Int(size)]) : []
  }
}
