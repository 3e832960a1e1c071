/// The forms in which the newest frame goes out: alone, and with older ones (RED, RFC 2198).
///
/// Each form is made once and shared by all listeners. Allocates nothing after it is made. For one
/// sender thread.
@safe package struct FrameForms: ~Copyable {
  private struct Form {
    var byteCount = 0
    var payloadType: UInt8 = 0
  }

  private static let room = OutgoingFlow.mostPayloadBytes

  // Form n has n older frames; each has its room.
  private let bytes: UnsafeMutableRawBufferPointer
  private var forms = InlineArray<3, Form>(repeating: Form())
  private var oneOlder = RedundantAudioWriter(depth: 1)
  private var twoOlder = RedundantAudioWriter(depth: RepairPolicy.mostOlderFrames)

  package init() {
    unsafe bytes = .allocate(byteCount: 3 * Self.room, alignment: 16)
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { unsafe bytes.deallocate() }

  /// Takes the newest frame; the others are one older each.
  ///
  /// - Parameters:
  ///   - payload: at most `OutgoingFlow.mostPayloadBytes`; a longer one is not taken.
  ///   - timestamp: its RTP timestamp.
  /// - Returns: whether it was taken.
  package mutating func take(_ payload: UnsafeRawBufferPointer, timestamp: UInt32) -> Bool {
    guard payload.count <= Self.room else { return false }
    unsafe room(of: 0).copyMemory(from: payload)
    forms[0].byteCount = payload.count
    // Too long for a redundant form: then there is none of it, and the frame goes alone.
    forms[1] = unsafe Form(
      byteCount: oneOlder.write(
        payload.bytes, timestamp: timestamp, payloadType: 0, into: room(of: 1)) ?? 0)
    forms[2] = unsafe Form(
      byteCount: twoOlder.write(
        payload.bytes, timestamp: timestamp, payloadType: 0, into: room(of: 2)) ?? 0)
    return true
  }

  /// The newest frame's payload.
  ///
  /// - Parameters:
  ///   - olderFrames: how many older frames should go along; fewer do where they do not fit.
  ///   - payloadType: what the listener calls Opus.
  /// - Returns: the payload, and whether it is a redundant one; valid until the next frame.
  package mutating func payload(
    olderFrames: Int, payloadType: UInt8
  ) -> (bytes: UnsafeRawBufferPointer, isRedundant: Bool) {
    let form = min(max(0, olderFrames), RepairPolicy.mostOlderFrames)
    let alone = forms[0].byteCount
    // A redundant form without an older frame has one byte more and nothing else.
    guard form > 0, forms[form].byteCount > alone + 1 else {
      return unsafe (UnsafeRawBufferPointer(rebasing: room(of: 0)[..<alone]), false)
    }
    let made = unsafe UnsafeMutableRawBufferPointer(
      rebasing: room(of: form)[..<forms[form].byteCount])
    if forms[form].payloadType != payloadType {
      unsafe RedundantAudio.setPayloadType(payloadType, in: made)
      forms[form].payloadType = payloadType
    }
    return (UnsafeRawBufferPointer(made), true)
  }

  private func room(of form: Int) -> UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(
      rebasing: bytes[(form * Self.room)..<((form + 1) * Self.room)])
  }
}
