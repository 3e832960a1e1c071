internal import AuraStream

/// A handshake that does what its datagrams say: the second byte is what, the third how much.
///
/// Nothing is encrypted: feedback is believed when its last byte is 1.
struct StubDTLS: ~Copyable, DTLSEngine {
  static let hello: UInt8 = 1
  static let flight: UInt8 = 2
  static let finish: UInt8 = 3
  static let fail: UInt8 = 4
  static let farewell: UInt8 = 5

  private(set) var progress = DTLSProgress<UInt64>.handshaking
  private(set) var deadline: HostTime?
  private var outgoing: [[UInt8]] = []
  private var interval = Duration.milliseconds(100)

  /// A datagram for it.
  static func datagram(_ step: UInt8, number: UInt8, byteCount: Int) -> [UInt8] {
    [22, step, number] + [UInt8](repeating: 0, count: byteCount)
  }

  mutating func receive(_ datagram: RawSpan, now: HostTime) {
    guard datagram.byteCount >= 3 else { return }
    let number = datagram.byte(at: 2)
    switch datagram.byte(at: 1) {
    case Self.hello:
      interval = .milliseconds(100)
      deadline = now + interval
      answer(Int(number) * 4)
    case Self.flight: for _ in 0..<Int(number & 31) { answer(1_200) }
    case Self.finish:
      progress = .established(UInt64(number))
      deadline = nil
      answer(60)
    case Self.fail: progress = .failed("it was told to")
    case Self.farewell: progress = .closed
    default: break
    }
  }

  mutating func timeout(now: HostTime) {
    guard let due = deadline, now >= due else { return }
    interval = interval * 2
    deadline = now + interval
    answer(1_000)
  }

  mutating func nextDatagram() -> [UInt8]? { outgoing.isEmpty ? nil : outgoing.removeFirst() }

  mutating func openFeedback(_ datagram: RawSpan) -> [UInt8]? {
    let last = datagram.byteCount - 1
    return last >= 8 && datagram.byte(at: last) == 1 ? datagram.array(0..<last) : nil
  }

  mutating func close() { answer(40) }

  private mutating func answer(_ byteCount: Int) {
    if outgoing.count < 32 { outgoing.append([UInt8](repeating: 22, count: max(1, byteCount))) }
  }
}

/// The same on a listener's side: media too is believed when its last byte is 1.
extension StubDTLS: PlayerEngine {
  mutating func openMedia(_ packet: UnsafeMutableRawBufferPointer) -> Int? {
    let last = packet.count - 1
    return unsafe last >= 12 && packet[last] == 1 ? last : nil
  }

  mutating func sealFeedback(_ packet: [UInt8]) -> [UInt8]? { packet + [1] }
}
