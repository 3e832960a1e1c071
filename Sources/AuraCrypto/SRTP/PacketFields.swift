/// What protection must know of an RTP packet. Padding, which is encrypted, is not looked at.
struct RTPFields {
  let sequenceNumber: UInt16
  let ssrc: UInt32
  /// Header, contributing sources and extension: what stays readable, in bytes.
  let clearByteCount: Int

  init(parsing packet: UnsafeRawBufferPointer) throws(SRTPError) {
    guard packet.count >= 12, unsafe packet[0] >> 6 == 2 else { throw .malformed }
    var clear = unsafe 12 + 4 * Int(packet[0] & 0x0f)
    if unsafe packet[0] & 0x10 != 0 {
      guard packet.count >= clear + 4 else { throw .malformed }
      clear += unsafe 4 + 4 * Int(packet.bigEndian(at: clear + 2, as: UInt16.self))
    }
    guard packet.count >= clear else { throw .malformed }
    clearByteCount = clear
    sequenceNumber = unsafe packet.bigEndian(at: 2, as: UInt16.self)
    ssrc = unsafe packet.bigEndian(at: 8, as: UInt32.self)
  }
}

/// What protection must know of a compound RTCP packet: who sends it.
struct RTCPFields {
  let ssrc: UInt32
  /// What stays readable, in bytes.
  static let clearByteCount = 8

  init(parsing packet: UnsafeRawBufferPointer) throws(SRTPError) {
    guard packet.count >= Self.clearByteCount, unsafe packet[0] >> 6 == 2 else { throw .malformed }
    ssrc = unsafe packet.bigEndian(at: 4, as: UInt32.self)
  }
}

extension UnsafeRawBufferPointer {
  /// The big-endian number at an offset that must lie inside.
  func bigEndian<Number: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int, as type: Number.Type
  ) -> Number {
    unsafe loadUnaligned(fromByteOffset: offset, as: type).bigEndian
  }
}
