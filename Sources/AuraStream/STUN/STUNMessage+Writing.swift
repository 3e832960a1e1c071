extension STUNMessage {
  /// The answer to a request: where it came from.
  package static func success(
    to request: Self, from address: IPEndpoint
  ) -> Self {
    var answer = Self(kind: .success, method: request.method, transaction: request.transaction)
    answer.mappedAddress = address
    return answer
  }

  /// The answer to a request that is refused. Code 420 names what was not understood.
  package static func failure(to request: Self, _ code: ErrorCode) -> Self {
    var answer = Self(kind: .error, method: request.method, transaction: request.transaction)
    answer.errorCode = code
    if code.number == ErrorCode.unknownAttribute.number {
      answer.unknownAttributes = request.notUnderstood
    }
    return answer
  }

  /// The message's bytes, with FINGERPRINT at the end.
  ///
  /// - Parameters:
  ///   - key: what MESSAGE-INTEGRITY is made with; nil leaves it out, for errors to strangers.
  ///   - authenticate: HMAC-SHA1; not called without a key.
  /// - Returns: one datagram, some hundred bytes.
  package func bytes(key: [UInt8]?, authenticate: STUNAuthenticator) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(128)
    appendHeader(to: &bytes)
    appendAttributes(to: &bytes)
    if let key {
      bytes.setSTUNLength(adding: 24)
      let code = authenticate(key, bytes)
      precondition(code.count == 20, "HMAC-SHA1 has 20 bytes")
      bytes.append(STUNAttribute.messageIntegrity, code)
    }
    bytes.setSTUNLength(adding: 8)
    let checksum = CRC32.checksum(of: bytes) ^ STUNAttribute.fingerprintMask
    bytes.append(STUNAttribute.fingerprint, integer: checksum)
    return bytes
  }

  private func appendHeader(to bytes: inout [UInt8]) {
    let type =
      (method & 0xf80) << 2 | (method & 0x70) << 1 | method & 0xf
      | (kind.rawValue & 2) << 7 | (kind.rawValue & 1) << 4
    bytes.append(bigEndian: type)
    bytes.append(bigEndian: UInt16(0))
    bytes += addressMask  // cookie and transaction, as it happens
  }

  private func appendAttributes(to bytes: inout [UInt8]) {
    if let username { bytes.append(STUNAttribute.username, username) }
    if let priority { bytes.append(STUNAttribute.priority, integer: priority) }
    if useCandidate { bytes.append(STUNAttribute.useCandidate, []) }
    if let controlling { bytes.append(STUNAttribute.iceControlling, integer: controlling) }
    if let controlled { bytes.append(STUNAttribute.iceControlled, integer: controlled) }
    if let mappedAddress { bytes.append(STUNAttribute.xorMappedAddress, masked(mappedAddress)) }
    if let errorCode {
      bytes.append(
        STUNAttribute.errorCode,
        [0, 0, UInt8(errorCode.number / 100), UInt8(errorCode.number % 100)]
          + errorCode.reason.utf8.prefix(127))
    }
    if !unknownAttributes.isEmpty {
      bytes.append(
        STUNAttribute.unknownAttributes,
        unknownAttributes.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] })
    }
  }

  private func masked(_ endpoint: IPEndpoint) -> [UInt8] {
    // A socket for both families tells IPv4 addresses inside IPv6; the peer thinks in IPv4.
    let address = endpoint.address.unmapped
    var value: [UInt8] = [0, address.isIPv4 ? 1 : 2]
    value.append(bigEndian: endpoint.port ^ UInt16(STUNAttribute.cookie >> 16))
    return value + zip(address.bytes, addressMask).map { $0 ^ $1 }
  }
}

extension [UInt8] {
  /// Appends one attribute, filled up to a whole word with zeros.
  fileprivate mutating func append(_ type: UInt16, _ value: [UInt8]) {
    append(bigEndian: type)
    append(bigEndian: UInt16(value.count))
    self += value
    while count % 4 != 0 { append(0) }
  }

  fileprivate mutating func append(_ type: UInt16, integer: some FixedWidthInteger) {
    var value: [UInt8] = []
    value.append(bigEndian: integer)
    append(type, value)
  }

  /// Sets the header's length to what there is and `adding` bytes more.
  fileprivate mutating func setSTUNLength(adding: Int) {
    set(UInt16(count + adding - STUNAttribute.headerByteCount), at: 2)
  }
}
