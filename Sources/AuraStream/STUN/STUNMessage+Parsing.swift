extension STUNMessage {
  /// The most attributes accepted; a browser's check has about eight.
  package static let mostAttributes = 32
  /// The longest username accepted (RFC 8489 section 14.3).
  package static let longestUsername = 508

  /// Reads a message and checks its fingerprint; its integrity is checked apart.
  package init(parsing datagram: RawSpan) throws(STUNError) {
    let byteCount = datagram.byteCount
    guard byteCount >= STUNAttribute.headerByteCount else { throw .length(bytes: byteCount) }
    let type = datagram.uint16(at: 0)
    guard type >> 14 == 0, datagram.uint32(at: 4) == STUNAttribute.cookie else { throw .notSTUN }
    guard byteCount % 4 == 0,
      Int(datagram.uint16(at: 2)) == byteCount - STUNAttribute.headerByteCount
    else { throw .length(bytes: byteCount) }
    // The class sits in two bits between the method's: M11…M7 C1 M6…M4 C0 M3…M0.
    let kind = Kind(rawValue: type >> 7 & 2 | type >> 4 & 1) ?? .request
    self.init(
      kind: kind, method: type >> 2 & 0xf80 | type >> 1 & 0x70 | type & 0xf,
      transaction: STUNTransaction(high: datagram.uint32(at: 8), low: datagram.uint64(at: 12)))
    try readAttributes(of: datagram)
  }

  private mutating func readAttributes(of datagram: RawSpan) throws(STUNError) {
    var offset = STUNAttribute.headerByteCount
    var count = 0
    // An attribute starts at a whole word, and the message is whole words: four bytes are there.
    while offset < datagram.byteCount {
      count += 1
      guard count <= Self.mostAttributes else { throw .tooManyAttributes }
      let type = datagram.uint16(at: offset)
      let length = Int(datagram.uint16(at: offset + 2))
      let value = offset + 4..<offset + 4 + length
      let next = offset + 4 + (length + 3) / 4 * 4
      guard next <= datagram.byteCount else { throw .malformed(attribute: type) }
      if type == STUNAttribute.fingerprint {
        try checkFingerprint(of: datagram, at: offset, length: length)
      } else if integrityOffset == nil {
        try read(type, value, at: offset, of: datagram)
      }
      offset = next
    }
  }

  /// The checksum covers what is before it, and it is the last attribute.
  private mutating func checkFingerprint(
    of datagram: RawSpan, at offset: Int, length: Int
  ) throws(STUNError) {
    guard length == 4, offset + 8 == datagram.byteCount else {
      throw .malformed(attribute: STUNAttribute.fingerprint)
    }
    let checksum = CRC32.checksum(of: datagram.array(0..<offset))
    guard datagram.uint32(at: offset + 4) == checksum ^ STUNAttribute.fingerprintMask else {
      throw .fingerprint
    }
    hasFingerprint = true
  }

  private mutating func read(
    _ type: UInt16, _ value: Range<Int>, at offset: Int, of datagram: RawSpan
  ) throws(STUNError) {
    func require(_ condition: Bool) throws(STUNError) {
      guard condition else { throw .malformed(attribute: type) }
    }
    // Of an attribute that comes twice the first counts (RFC 8489 section 14).
    switch type {
    case STUNAttribute.username:
      try require(value.count <= Self.longestUsername)
      username = username ?? datagram.array(value)
    case STUNAttribute.messageIntegrity:
      try require(value.count == 20)
      integrityOffset = offset
    case STUNAttribute.priority:
      try require(value.count == 4)
      priority = priority ?? datagram.uint32(at: value.lowerBound)
    case STUNAttribute.useCandidate:
      try require(value.isEmpty)
      useCandidate = true
    case STUNAttribute.iceControlling:
      try require(value.count == 8)
      controlling = controlling ?? datagram.uint64(at: value.lowerBound)
    case STUNAttribute.iceControlled:
      try require(value.count == 8)
      controlled = controlled ?? datagram.uint64(at: value.lowerBound)
    case STUNAttribute.xorMappedAddress:
      let address = endpoint(value, of: datagram)
      try require(address != nil)
      mappedAddress = mappedAddress ?? address
    case STUNAttribute.errorCode:
      let code = Self.errorCode(value, of: datagram)
      try require(code != nil)
      errorCode = errorCode ?? code
    case STUNAttribute.unknownAttributes:
      try require(value.count % 2 == 0)
      guard unknownAttributes.isEmpty else { return }
      unknownAttributes = stride(from: value.lowerBound, to: value.upperBound, by: 2).map {
        datagram.uint16(at: $0)
      }
    // Known, and of no use to us.
    case STUNAttribute.mappedAddress, STUNAttribute.realm, STUNAttribute.nonce,
      STUNAttribute.messageIntegritySHA256:
      break
    default:
      if type < 0x8000 { notUnderstood.append(type) }
    }
  }

  /// An address, hidden from meddling routers by the cookie and the transaction.
  private func endpoint(_ value: Range<Int>, of datagram: RawSpan) -> IPEndpoint? {
    guard value.count == 8 || value.count == 20 else { return nil }
    let start = value.lowerBound
    guard datagram.byte(at: start + 1) == (value.count == 8 ? 1 : 2) else { return nil }
    let bytes = zip(datagram.array(start + 4..<value.upperBound), addressMask).map { $0 ^ $1 }
    return IPAddress(bytes: bytes).map {
      IPEndpoint(
        address: $0,
        port: datagram.uint16(at: start + 2) ^ UInt16(STUNAttribute.cookie >> 16))
    }
  }

  /// The 16 bytes addresses are turned with.
  var addressMask: [UInt8] {
    var mask: [UInt8] = []
    mask.append(bigEndian: STUNAttribute.cookie)
    mask.append(bigEndian: transaction.high)
    mask.append(bigEndian: transaction.low)
    return mask
  }

  private static func errorCode(_ value: Range<Int>, of datagram: RawSpan) -> ErrorCode? {
    guard value.count >= 4, value.count <= 4 + 763 else { return nil }
    let hundreds = Int(datagram.byte(at: value.lowerBound + 2) & 7)
    let rest = Int(datagram.byte(at: value.lowerBound + 3))
    guard (3...6).contains(hundreds), rest < 100 else { return nil }
    let reason = datagram.array(value.lowerBound + 4..<value.upperBound)
    return ErrorCode(
      number: hundreds * 100 + rest, reason: String(decoding: reason, as: UTF8.self))
  }
}

extension STUNMessage {
  /// Whether whoever wrote the message had `key`, and nobody changed it since.
  ///
  /// - Parameters:
  ///   - datagram: the bytes the message was read from.
  ///   - key: the password, for ICE the receiver's own.
  ///   - authenticate: HMAC-SHA1.
  /// - Returns: false too when there is no MESSAGE-INTEGRITY. Takes as long for a wrong value as for a
  ///   right one.
  package func hasValidIntegrity(
    in datagram: RawSpan, key: [UInt8], authenticate: STUNAuthenticator
  ) -> Bool {
    guard let offset = integrityOffset, offset + 24 <= datagram.byteCount else { return false }
    var covered = datagram.array(0..<offset)
    // As if MESSAGE-INTEGRITY were the last attribute.
    covered.set(UInt16(offset + 24 - STUNAttribute.headerByteCount), at: 2)
    let expected = authenticate(key, covered)
    guard expected.count == 20 else { return false }
    var difference: UInt8 = 0
    for index in 0..<20 { difference |= expected[index] ^ datagram.byte(at: offset + 4 + index) }
    return difference == 0
  }
}
