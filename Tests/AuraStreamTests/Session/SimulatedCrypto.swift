import AuraStream
import Testing

/// A stand-in for HMAC-SHA1: 20 bytes that depend on all of key and message.
func testAuthenticator(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
  var state: UInt64 = 0xcbf2_9ce4_8422_2325
  for byte in key + [0xff] + message { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
  return (0..<20).map { index in
    state = (state ^ UInt64(index)) &* 0x100_0000_01b3
    return UInt8(truncatingIfNeeded: state >> 29)
  }
}

/// A stand-in for DTLS with the same shape: two round trips, flights that are sent again, a
/// farewell. A datagram is content type, step, and zeros to a real one's length.
enum HandshakeStep {
  static let hello: [UInt8] = [22, 1] + Array(repeating: 0, count: 160)
  static let serverFlight: [UInt8] = [22, 2] + Array(repeating: 0, count: 800)
  static let clientFlight: [UInt8] = [22, 3] + Array(repeating: 0, count: 600)
  static let finished: [UInt8] = [22, 4] + Array(repeating: 0, count: 60)
  static let failure: [UInt8] = [21, 5]
  static let goodbye: [UInt8] = [21, 6]
}

struct StubDTLS: ~Copyable, DTLSEngine {
  private(set) var progress = DTLSProgress<UInt64>.handshaking
  private(set) var deadline: HostTime?
  private var outgoing: [[UInt8]] = []
  private var interval = Duration.seconds(1)
  private var seen: Set<UInt32> = []

  mutating func receive(_ datagram: RawSpan, now: HostTime) {
    switch datagram.array(0..<2) {
    case [22, 1]:
      outgoing.append(HandshakeStep.serverFlight)
      if case .handshaking = progress { deadline = now + interval }
    case [22, 3]:
      outgoing.append(HandshakeStep.finished)
      progress = .established(42)
      deadline = nil
    case [21, 5]: progress = .failed("the other certificate has another fingerprint")
    case [21, 6]: progress = .closed
    default: break
    }
  }

  mutating func timeout(now: HostTime) {
    interval = interval * 2
    deadline = now + interval
    outgoing.append(HandshakeStep.serverFlight)
  }

  mutating func nextDatagram() -> [UInt8]? { outgoing.isEmpty ? nil : outgoing.removeFirst() }

  mutating func openFeedback(_ datagram: RawSpan) -> [UInt8]? {
    let count = datagram.byteCount - 14
    guard count >= 8, datagram.uint32(at: count) == StubFeedback.tag else { return nil }
    guard seen.insert(datagram.uint32(at: count + 4)).inserted else { return nil }
    return datagram.array(0..<count)
  }

  mutating func close() { outgoing.append(HandshakeStep.goodbye) }
}

/// The client's side of `StubDTLS`: begins, opens media, seals feedback.
struct StubPlayerDTLS: ~Copyable, PlayerEngine {
  private(set) var progress = DTLSProgress<UInt64>.handshaking
  private(set) var deadline: HostTime?
  private var outgoing: [[UInt8]] = [HandshakeStep.hello]
  private var flight = HandshakeStep.hello
  private var interval = Duration.milliseconds(200)
  private var feedback = StubFeedback()
  private var reports = StubDTLS()
  private var highest: UInt64?
  private var seen: Set<UInt64> = []

  init(now: HostTime) { deadline = now + interval }

  mutating func receive(_ datagram: RawSpan, now: HostTime) {
    switch datagram.array(0..<2) {
    case [22, 2]:
      if flight != HandshakeStep.clientFlight { interval = .milliseconds(200) }
      flight = HandshakeStep.clientFlight
      outgoing.append(flight)
    case [22, 4]:
      progress = .established(42)
      deadline = nil
    case [21, 5]: progress = .failed("the other certificate has another fingerprint")
    case [21, 6]: progress = .closed
    default: break
    }
  }

  mutating func timeout(now: HostTime) {
    interval = min(interval * 2, .milliseconds(800))
    deadline = now + interval
    outgoing.append(flight)
  }

  mutating func nextDatagram() -> [UInt8]? { outgoing.isEmpty ? nil : outgoing.removeFirst() }

  mutating func openFeedback(_ datagram: RawSpan) -> [UInt8]? { reports.openFeedback(datagram) }

  mutating func openMedia(_ packet: UnsafeMutableRawBufferPointer) -> Int? {
    let bytes = unsafe Array(packet)
    guard bytes.count >= 12 else { return nil }
    let number = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    let step = Int16(bitPattern: number &- UInt16(truncatingIfNeeded: highest ?? UInt64(number)))
    let index = UInt64(max(0, Int64(highest ?? UInt64(number)) + Int64(step)))
    guard let clear = RecordingProtector.open(bytes, index: index), seen.insert(index).inserted
    else { return nil }
    highest = max(highest ?? 0, index)
    for (place, byte) in clear.enumerated() { unsafe packet[place] = byte }
    return clear.count
  }

  mutating func sealFeedback(_ packet: [UInt8]) -> [UInt8]? { feedback.seal(packet) }

  mutating func close() { outgoing.append(HandshakeStep.goodbye) }
}

/// A stand-in for SRTCP: the packet, a tag, an index.
struct StubFeedback {
  static let tag: UInt32 = 0x5afe_5afe
  private var index: UInt32 = 0

  mutating func seal(_ packet: [UInt8]) -> [UInt8] {
    index += 1
    var bytes = packet
    bytes.append(bigEndian: Self.tag)
    bytes.append(bigEndian: index)
    return bytes + Array(repeating: 0, count: 6)
  }
}

/// A stand-in for SRTP that remembers everything it was ever asked to encrypt.
///
/// It is the proof's instrument: an index that comes twice is an error, whatever its bytes.
struct RecordingProtector {
  private(set) var highest: UInt64?
  private(set) var reused = 0
  private var plaintexts: [UInt64: Int] = [:]

  /// Encrypts in place: a stream that depends on the index, and a tag of 16 bytes.
  mutating func protect(
    _ packet: UnsafeMutableRawBufferPointer, length: Int, index: UInt64
  ) -> Int {
    let bytes = unsafe Array(packet[..<length])
    if plaintexts.updateValue(bytes.hashValue, forKey: index) != nil { reused += 1 }
    if let highest, index <= highest { reused += 1 }
    highest = index
    // The real one tells the rollover by itself, from the header alone.
    let sequenceNumber = UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    if sequenceNumber != UInt16(truncatingIfNeeded: index) { reused += 1 }
    for place in 12..<length { unsafe packet[place] ^= Self.key(index, place) }
    for place in length..<length + 16 { unsafe packet[place] = Self.key(index, place) }
    return length + 16
  }

  /// The packet in the clear; nil when its tag is false.
  static func open(_ packet: [UInt8], index: UInt64) -> [UInt8]? {
    let length = packet.count - 16
    guard length >= 12 else { return nil }
    for place in length..<packet.count where packet[place] != key(index, place) { return nil }
    return packet[..<length].enumerated().map { place, byte in
      place < 12 ? byte : byte ^ key(index, place)
    }
  }

  private static func key(_ index: UInt64, _ place: Int) -> UInt8 {
    UInt8(
      truncatingIfNeeded: (index &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(place) &* 0xff51_afd7) >> 23)
  }
}
