import AuraStream
import Testing

struct STUNMessageTests {
  static func parse(_ bytes: [UInt8]) throws -> STUNMessage {
    try unsafe STUNMessage(parsing: bytes.span.bytes)
  }

  static func isValid(_ bytes: [UInt8], key: [UInt8]) throws -> Bool {
    try unsafe parse(bytes).hasValidIntegrity(
      in: bytes.span.bytes, key: key, authenticate: SHA1.authenticate)
  }

  private static let transaction = STUNTransaction(high: 0xb7e7_a701, low: 0xbc34_d686_fa87_dfae)

  private static func endpoint(_ address: String, _ port: UInt16) throws -> IPEndpoint {
    IPEndpoint(address: try #require(IPAddress(address)), port: port)
  }

  @Test func theChecksumsHaveTheirKnownValues() {
    #expect(CRC32.checksum(of: Array("123456789".utf8)) == 0xcbf4_3926)
    // RFC 2202, cases 1 and 6.
    let first = SHA1.authenticate(
      key: [UInt8](repeating: 0x0b, count: 20), message: Array("Hi There".utf8))
    #expect(first == hex("b617318655057264e28bc0b6fb378c8ef146be00"))
    let sixth = SHA1.authenticate(
      key: [UInt8](repeating: 0xaa, count: 80),
      message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8))
    #expect(sixth == hex("aa4ae5e15272d00e95705637ce8a3b55ed402112"))
  }

  // MARK: RFC 5769

  @Test func theSampleRequestIsRead() throws {
    let message = try Self.parse(STUNVectors.request)
    #expect(message.kind == .request && message.method == STUNMessage.binding)
    #expect(message.transaction == Self.transaction)
    #expect(message.username == Array("evtj:h6vY".utf8))
    #expect(message.localFragment == Array("evtj".utf8))
    #expect(message.priority == 0x6e00_01ff)
    #expect(message.controlled == 0x932f_f9b1_5126_3b36)
    #expect(message.controlling == nil && !message.useCandidate)
    #expect(message.hasFingerprint && message.notUnderstood.isEmpty)
    #expect(try Self.isValid(STUNVectors.request, key: STUNVectors.password))
    #expect(try !Self.isValid(STUNVectors.request, key: STUNVectors.password + [0x20]))
  }

  @Test func theSampleResponsesAreRead() throws {
    for (bytes, address) in [
      (STUNVectors.responseIPv4, "192.0.2.1"),
      (STUNVectors.responseIPv6, "2001:db8:1234:5678:11:2233:4455:6677"),
    ] {
      let message = try Self.parse(bytes)
      #expect(message.kind == .success)
      #expect(message.mappedAddress == (try Self.endpoint(address, 32_853)))
      #expect(message.hasFingerprint)
      #expect(try Self.isValid(bytes, key: STUNVectors.password))
    }
  }

  @Test func theLongTermSampleIsRead() throws {
    let message = try Self.parse(STUNVectors.longTermRequest)
    #expect(message.username == Array("マトリックス".utf8))
    #expect(!message.hasFingerprint && message.notUnderstood.isEmpty)
    #expect(try Self.isValid(STUNVectors.longTermRequest, key: STUNVectors.longTermKey))
  }

  @Test(arguments: [
    STUNVectors.request, STUNVectors.responseIPv4, STUNVectors.responseIPv6,
  ])
  func aBitTurnedAnywhereIsNoticed(sample: [UInt8]) {
    for index in sample.indices {
      for bit in 0..<8 {
        var bytes = sample
        bytes[index] ^= 1 << UInt8(bit)
        // A turned type or length may hide the fingerprint; a fingerprint that is seen never passes.
        let seen = try? Self.parse(bytes).hasFingerprint
        #expect(seen != true, "bit \(bit) of byte \(index)")
      }
    }
  }

  @Test(arguments: [STUNVectors.request, STUNVectors.longTermRequest])
  func aBitTurnedInWhatIsVouchedForIsNoticed(sample: [UInt8]) throws {
    // Without the fingerprint, so that only the key stands between.
    let end = try #require(Self.parse(sample).hasFingerprint ? sample.count - 8 : sample.count)
    var shorter = Array(sample.prefix(end))
    shorter[3] = UInt8(end - 20)
    let key = end == sample.count ? STUNVectors.longTermKey : STUNVectors.password
    #expect(try Self.isValid(shorter, key: key))
    for index in shorter.indices {
      var bytes = shorter
      bytes[index] ^= 0x10
      #expect((try? Self.isValid(bytes, key: key)) != true, "byte \(index)")
    }
  }

  @Test(arguments: [
    STUNVectors.request, STUNVectors.responseIPv4, STUNVectors.responseIPv6,
    STUNVectors.longTermRequest,
  ])
  func truncationAtEveryByteIsRefused(sample: [UInt8]) {
    for length in 0..<sample.count {
      var bytes = Array(sample.prefix(length))
      #expect(throws: STUNError.length(bytes: length)) { try Self.parse(bytes) }
      // And with a length that fits.
      guard length >= 20 else { continue }
      bytes[3] = UInt8(length - 20)
      if let message = try? Self.parse(bytes) {
        #expect(message.integrityOffset == nil || length == sample.count - 8)
      }
    }
  }

  @Test func theChecksOfRealPlayersAreRead() throws {
    for live in STUNVectors.live {
      let message = try Self.parse(live.bytes)
      #expect(message.username == Array(live.username.utf8), "\(live.player)")
      #expect(message.localFragment == Array("OURS".utf8))
      #expect(message.priority == live.priority && message.useCandidate == live.nominates)
      #expect(message.controlling != nil && message.controlled == nil && message.hasFingerprint)
      #expect(message.notUnderstood.isEmpty)
      #expect(try Self.isValid(live.bytes, key: STUNVectors.livePassword))
    }
  }

  // MARK: Round trips

  @Test func aCheckSurvivesTheRoundTrip() throws {
    var check = STUNMessage(kind: .request, transaction: Self.transaction)
    check.username = Array("abcd:efgh".utf8)
    check.priority = 1_845_501_695
    check.useCandidate = true
    check.controlling = 0x0123_4567_89ab_cdef
    let bytes = check.bytes(key: Array("secret".utf8), authenticate: SHA1.authenticate)
    var read = try Self.parse(bytes)
    #expect(try Self.isValid(bytes, key: Array("secret".utf8)))
    #expect(try !Self.isValid(bytes, key: Array("Secret".utf8)))
    #expect(read.hasFingerprint && read.integrityOffset == bytes.count - 32)
    read = read.withoutProofs
    #expect(read == check)
  }

  @Test(arguments: [
    "192.0.2.1", "255.255.255.255", "2001:db8::1", "::1", "fe80::1",
  ])
  func anAnswerTellsTheAddress(text: String) throws {
    let request = try Self.parse(STUNVectors.request)
    let address = try Self.endpoint(text, 54_321)
    let answer = STUNMessage.success(to: request, from: address)
    let bytes = answer.bytes(key: STUNVectors.password, authenticate: SHA1.authenticate)
    let read = try Self.parse(bytes)
    #expect(read.kind == .success && read.transaction == request.transaction)
    #expect(read.mappedAddress == address)
    #expect(try Self.isValid(bytes, key: STUNVectors.password))
    #expect(
      bytes.count <= STUNVectors.request.count, "an answer must not be longer than its question")
  }

  @Test func theAnswerIsSpelledAsTheSampleIs() throws {
    // The sample's only difference is its SOFTWARE, which we do not send.
    let request = try Self.parse(STUNVectors.request)
    let answer = STUNMessage.success(to: request, from: try Self.endpoint("192.0.2.1", 32_853))
    let bytes = answer.bytes(key: nil, authenticate: SHA1.authenticate)
    #expect(Array(bytes[..<20]) == hex("0101 0014") + STUNVectors.request[4..<20])
    #expect(bytes[20..<32] == STUNVectors.responseIPv4[36..<48])
    #expect(bytes.count == 40)
  }

  @Test func anAddressInsideIPv6IsToldAsIPv4() throws {
    let request = try Self.parse(STUNVectors.request)
    let answer = STUNMessage.success(to: request, from: try Self.endpoint("::ffff:192.0.2.1", 7))
    let read = try Self.parse(answer.bytes(key: nil, authenticate: SHA1.authenticate))
    #expect(read.mappedAddress == (try Self.endpoint("192.0.2.1", 7)))
  }

  @Test func whatIsNotUnderstoodIsNamedInTheRefusal() throws {
    let request = try Self.parse(
      hex(
        "0001 0018 2112a442 b7e7a701bc34d686fa87dfae  7abc 0000  8abc 0001 ff000000  7abd 0005 0102030405000000"
      ))
    #expect(request.notUnderstood == [0x7abc, 0x7abd])
    let refusal = STUNMessage.failure(to: request, .unknownAttribute)
    let read = try Self.parse(refusal.bytes(key: nil, authenticate: SHA1.authenticate))
    #expect(read.kind == .error && read.errorCode == .unknownAttribute)
    #expect(read.unknownAttributes == [0x7abc, 0x7abd])
    #expect(read.integrityOffset == nil)
  }

  @Test(arguments: [0x001, 0x003, 0x00f, 0x010, 0x070, 0x080, 0xf80, 0xfff] as [UInt16])
  func methodAndKindAreWovenTogether(method: UInt16) throws {
    for (kind, bits) in [
      (STUNMessage.Kind.request, 0), (.indication, 0x10), (.success, 0x100), (.error, 0x110),
    ] {
      let bytes = STUNMessage(kind: kind, method: method, transaction: Self.transaction)
        .bytes(key: nil, authenticate: SHA1.authenticate)
      #expect((Int(bytes[0]) << 8 | Int(bytes[1])) & 0x110 == bits)
      #expect(bytes[0] >> 6 == 0)
      let read = try Self.parse(bytes)
      #expect(read.kind == kind && read.method == method)
    }
  }

  // MARK: Refusals

  @Test func whatStandsBehindTheProofIsLeftOut() throws {
    var check = STUNMessage(kind: .request, transaction: Self.transaction)
    check.username = Array("abcd:efgh".utf8)
    var bytes = check.bytes(key: [1], authenticate: SHA1.authenticate)
    bytes.removeLast(8)
    bytes += hex("0025 0000  0024 0004 00000001  7abc 0000")
    bytes[3] = UInt8(bytes.count - 20)
    let read = try Self.parse(bytes)
    #expect(!read.useCandidate && read.priority == nil && read.notUnderstood.isEmpty)
    #expect(try Self.isValid(bytes, key: [1]))
  }

  @Test(arguments: [
    ("0006 0200", 0x0006 as UInt16), ("0008 0010 00112233445566778899aabbccddeeff", 0x0008),
    ("0024 0003 00112200", 0x0024), ("0025 0004 00000000", 0x0025), ("802a 0004 00000000", 0x802a),
    ("8029 0000", 0x8029), ("0020 0008 0003a147e112a643", 0x0020),
    ("0020 0008 0002a147e112a643", 0x0020),
    ("0020 0004 0001a147", 0x0020), ("0009 0004 00000700", 0x0009), ("0009 0004 00000464", 0x0009),
    ("0009 0000", 0x0009), ("000a 0001 00000000", 0x000a), ("8028 0004 00000000 8022 0000", 0x8028),
    ("8028 0008 0000000000000000", 0x8028), ("8022 0005 00000000", 0x8022),
  ])
  func anImpossibleAttributeIsRefused(text: String, type: UInt16) {
    let attributes = hex(text)
    let header =
      hex("0001 00\(String(attributes.count + 256, radix: 16).dropFirst())")
      + STUNVectors.request[4..<20]
    #expect(throws: STUNError.malformed(attribute: type)) { try Self.parse(header + attributes) }
  }

  @Test func attributesAreBounded() {
    let many = Array(repeating: hex("8022 0000"), count: STUNMessage.mostAttributes + 1).flatMap {
      $0
    }
    let header = hex("0001 00\(String(many.count, radix: 16))") + STUNVectors.request[4..<20]
    #expect(throws: STUNError.tooManyAttributes) { try Self.parse(header + many) }
  }

  /// Whatever comes, there is an error or a message that can be written and read again.
  @Test(arguments: [UInt64](1...20))
  func anythingAtAllIsSurvived(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let samples = [
      STUNVectors.request, STUNVectors.responseIPv4, STUNVectors.responseIPv6,
      STUNVectors.longTermRequest,
    ]
    for _ in 0..<500 {
      var bytes = random.mutated(samples.randomElement(using: &random) ?? [])
      // Most mutations would end at the length or the fingerprint: let some of them further in.
      if bytes.count >= 28, Bool.random(using: &random) {
        bytes.removeLast(bytes.count % 4)
        bytes[2] = UInt8((bytes.count - 20) >> 8)
        bytes[3] = UInt8((bytes.count - 20) & 0xff)
        bytes[bytes.count - 8] = 0x90
      }
      guard let message = try? Self.parse(bytes) else { continue }
      _ = try Self.isValid(bytes, key: STUNVectors.password)
      let written = message.bytes(key: [1], authenticate: SHA1.authenticate)
      let read = try Self.parse(written)
      #expect(read.withoutProofs == message.withoutProofs, "seed \(seed): \(bytes)")
    }
  }
}

extension STUNMessage {
  /// The message as it was before it was written: proofs stand for themselves.
  fileprivate var withoutProofs: STUNMessage {
    var copy = STUNMessage(kind: kind, method: method, transaction: transaction)
    copy.username = username
    copy.priority = priority
    copy.useCandidate = useCandidate
    copy.controlling = controlling
    copy.controlled = controlled
    copy.mappedAddress = mappedAddress.map {
      IPEndpoint(address: $0.address.unmapped, port: $0.port)
    }
    copy.errorCode = errorCode.map {
      ErrorCode(number: $0.number, reason: String($0.reason.prefix(20)))
    }
    copy.unknownAttributes = unknownAttributes
    return copy
  }
}
