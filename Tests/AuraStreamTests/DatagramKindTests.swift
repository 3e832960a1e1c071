import AuraStream
import Testing

struct DatagramKindTests {
  private static func kind(of datagram: [UInt8]) -> DatagramKind {
    unsafe DatagramKind(of: datagram.span.bytes)
  }

  @Test func everyFirstByteIsSortedAsTheRFCSays() {
    for first in UInt8.min...UInt8.max {
      let expected: DatagramKind =
        switch first {
        case 0...3: .stun
        case 20...63: .dtls
        case 128...191: .rtp
        default: .unknown
        }
      let datagram = [first, 111]
      #expect(Self.kind(of: datagram) == expected, "first byte \(first)")
    }
  }

  @Test func reportsAreToldFromMediaByTheSecondByte() {
    for second in UInt8.min...UInt8.max {
      let datagram = [0x80, second]
      let expected: DatagramKind = (192...223).contains(second) ? .rtcp : .rtp
      #expect(Self.kind(of: datagram) == expected, "second byte \(second)")
    }
  }

  @Test func whatIsTooShortIsNothing() {
    for datagram in [[], [0], [0x80], [22]] as [[UInt8]] {
      #expect(Self.kind(of: datagram) == .unknown)
    }
  }
}
