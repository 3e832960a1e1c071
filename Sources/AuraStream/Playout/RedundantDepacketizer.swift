/// Takes packets' payloads apart into encoded frames: plain ones, and redundant ones (RFC 2198).
package struct RedundantDepacketizer: Sendable {
  /// One encoded frame in a payload.
  package struct Part: Equatable, Sendable {
    package var timestamp: UInt32
    /// Where its bytes are in the payload.
    package var range: Range<Int>
    /// Whether it is the frame the packet is for, and not a copy of an older one.
    package var isCurrent: Bool

    package init(timestamp: UInt32, range: Range<Int>, isCurrent: Bool) {
      self.timestamp = timestamp
      self.range = range
      self.isCurrent = isCurrent
    }
  }

  private let payloadType: UInt8
  private let redundantPayloadType: UInt8?

  /// Payloads that could not be read, or were of no type that was agreed on.
  package private(set) var refused = 0

  /// - Parameters:
  ///   - payloadType: of plain payloads.
  ///   - redundantPayloadType: of redundant ones; nil when there are none.
  package init(payloadType: UInt8, redundantPayloadType: UInt8?) {
    self.payloadType = payloadType
    self.redundantPayloadType = redundantPayloadType
  }

  /// Takes one payload apart.
  ///
  /// - Parameters:
  ///   - payload: of one packet: anything at all.
  ///   - payloadType: as the packet's header has it.
  ///   - timestamp: as the packet's header has it.
  /// - Returns: its frames, the packet's own first; none when it is no use.
  package mutating func parts(
    of payload: RawSpan, payloadType: UInt8, timestamp: UInt32
  ) -> [Part] {
    if payloadType == self.payloadType, !payload.isEmpty {
      return [Part(timestamp: timestamp, range: 0..<payload.byteCount, isCurrent: true)]
    }
    guard payloadType == redundantPayloadType, let blocks = try? RedundantAudio.parse(payload)
    else {
      refused += 1
      return []
    }
    return blocks.reversed().filter { $0.payloadType == self.payloadType && !$0.range.isEmpty }
      .map {
        Part(
          timestamp: timestamp &- $0.timestampOffset, range: $0.range,
          isCurrent: $0.timestampOffset == 0)
      }
  }
}
