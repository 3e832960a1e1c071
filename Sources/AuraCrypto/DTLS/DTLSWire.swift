internal import AuraStream
internal import COpenSSL

/// Where OpenSSL meets us: the datagram that has come, those to send, and who the peer must be.
///
/// A BIO of our own, since OpenSSL's memory BIO loses where a datagram ends: here each write is one
/// datagram, and each read one as well.
@safe final class DTLSWire {
  /// More than any flight has. What does not fit is lost, as on any wire.
  private static let outgoingLimit = 32
  /// How often a flight can be repeated; OpenSSL gives up after twelve times.
  private static let mostRepetitions = 8

  /// The datagram that is being received.
  var incoming: [UInt8]?
  /// Datagrams to send, the oldest first.
  var outgoing: [[UInt8]] = []
  /// A client's last flight, some times over, each time with new record numbers.
  var repetitions: [[[UInt8]]] = []
  /// Whether what OpenSSL writes is one of these.
  var isRepeating = false
  /// Whether the peer's certificate is the one that was announced; `nil` before it came.
  private(set) var isPeerVerified: Bool?
  private let fingerprints: [CertificateFingerprint]

  init(fingerprints: [CertificateFingerprint]) { self.fingerprints = fingerprints }

  /// Makes OpenSSL use this wire, which must live as long as `ssl`.
  ///
  /// - Returns: whether it does.
  func attach(to ssl: OpaquePointer) -> Bool {
    let ourselves = unsafe Unmanaged.passUnretained(self).toOpaque()
    guard let method = unsafe dtlsWireMethod.method, let bio = unsafe BIO_new(method) else {
      return false
    }
    unsafe BIO_set_data(bio, ourselves)
    unsafe BIO_set_init(bio, 1)
    unsafe SSL_set_bio(ssl, bio, bio)
    // The callback that verifies the peer's certificate finds us there.
    return unsafe SSL_set_ex_data(ssl, 0, ourselves) == 1
  }

  /// Judges the peer's certificate.
  func verify(_ certificate: OpaquePointer) -> Bool {
    let isVerified = fingerprints.contains { announced in
      unsafe CertificateFingerprint(of: certificate, hash: announced.hash) == announced
    }
    isPeerVerified = isVerified
    return isVerified
  }

  /// OpenSSL's timer begins, or has run out and the flight is about to be repeated.
  ///
  /// - Returns: whether it should be repeated once more.
  func didRing(isFirst: Bool) -> Bool {
    isRepeating = !isFirst
    if isFirst { repetitions = [] } else { repetitions.append([]) }
    return repetitions.count < Self.mostRepetitions
  }

  fileprivate func read(into buffer: UnsafeMutableBufferPointer<CChar>) -> Int? {
    guard let datagram = incoming else { return nil }
    incoming = nil
    let count = min(datagram.count, buffer.count)
    unsafe UnsafeMutableRawBufferPointer(buffer).copyBytes(from: datagram[..<count])
    return count
  }

  fileprivate func write(_ datagram: UnsafeRawBufferPointer) {
    if isRepeating {
      unsafe repeatRecords(datagram)
    } else if outgoing.count < Self.outgoingLimit {
      unsafe outgoing.append(Array(datagram))
    }
  }

  /// OpenSSL repeats record by record; as many as fit go into one datagram.
  private func repeatRecords(_ records: UnsafeRawBufferPointer) {
    let (last, datagram) = (repetitions.count - 1, repetitions[repetitions.count - 1].count - 1)
    if datagram >= 0,
      repetitions[last][datagram].count + records.count <= DTLSHandshake.largestDatagram
    {
      unsafe repetitions[last][datagram] += Array(records)
    } else {
      unsafe repetitions[last].append(Array(records))
    }
  }
}

/// How OpenSSL calls us, made once.
@safe private struct DTLSWireMethod: @unchecked Sendable {
  // Sendable: never changed after it was made.
  let method: OpaquePointer?

  init() {
    let kind = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
    unsafe method = unsafe BIO_meth_new(kind, "datagrams")
    guard unsafe method != nil else { return }
    unsafe BIO_meth_set_read(method, readDatagram)
    unsafe BIO_meth_set_write(method, writeDatagram)
    unsafe BIO_meth_set_ctrl(method, controlWire)
  }
}

private let dtlsWireMethod = DTLSWireMethod()

// OpenSSL's callbacks, in the thread that has called OpenSSL.

func attachedWire(_ data: UnsafeMutableRawPointer?) -> DTLSWire? {
  unsafe data.map { unsafe Unmanaged<DTLSWire>.fromOpaque($0).takeUnretainedValue() }
}

private func readDatagram(
  _ bio: OpaquePointer?, _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int32
) -> Int32 {
  let buffer = unsafe UnsafeMutableBufferPointer(start: bytes, count: Int(count))
  unsafe aura_bio_is_done(bio)
  if let read = unsafe attachedWire(BIO_get_data(bio))?.read(into: buffer) { return Int32(read) }
  unsafe aura_bio_wants_more(bio)
  return -1
}

private func writeDatagram(
  _ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int32
) -> Int32 {
  unsafe aura_bio_is_done(bio)
  let datagram = unsafe UnsafeRawBufferPointer(start: bytes, count: Int(count))
  unsafe attachedWire(BIO_get_data(bio))?.write(datagram)
  return count
}

private func controlWire(
  _ bio: OpaquePointer?, _ command: Int32, _ number: Int, _ pointer: UnsafeMutableRawPointer?
) -> Int {
  switch command {
  case BIO_CTRL_FLUSH: 1
  // Headers of IPv6 and UDP.
  case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: 48
  default: 0
  }
}

/// Takes the place of OpenSSL's own verification: no authority vouches for a peer.
func verifyPeer(_ store: OpaquePointer?, _ argument: UnsafeMutableRawPointer?) -> Int32 {
  let ssl = unsafe X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx())
  guard let wire = unsafe attachedWire(SSL_get_ex_data(ssl.map { OpaquePointer($0) }, 0)),
    let certificate = unsafe X509_STORE_CTX_get0_cert(store), unsafe wire.verify(certificate)
  else {
    unsafe X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED)
    return 0
  }
  unsafe X509_STORE_CTX_set_error(store, X509_V_OK)
  return 1
}
