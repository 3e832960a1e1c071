/// The forms in which the newest frames go out: alone, and with older ones (RED, RFC 2198).
///
/// Each form is made once and shared by all listeners, also by those who are sent it later. Allocates
/// nothing after it is made. For one sender thread.
@safe package struct FrameForms: ~Copyable {
  private struct Form {
    var byteCount = 0
    var payloadType: UInt8 = 0
  }

  private static let room = OutgoingFlow.mostPayloadBytes

  /// How many frames are kept.
  package let capacity: Int
  /// How many have been taken.
  package private(set) var taken = 0

  // Form n of a frame has n older frames; each has its room.
  private let bytes: UnsafeMutableRawBufferPointer
  private var forms: [Form]
  private var oneOlder = RedundantAudioWriter(depth: 1)
  private var twoOlder = RedundantAudioWriter(depth: RepairPolicy.mostOlderFrames)

  /// - Parameter capacity: how many frames to keep.
  package init(capacity: Int = 1) {
    precondition(capacity > 0, "room for a frame at least")
    self.capacity = capacity
    forms = Array(repeating: Form(), count: 3 * capacity)
    unsafe bytes = .allocate(byteCount: 3 * capacity * Self.room, alignment: 16)
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
    let slot = taken % capacity
    unsafe room(of: 0, in: slot).copyMemory(from: payload)
    forms[3 * slot].byteCount = payload.count
    // Too long for a redundant form: then there is none of it, and the frame goes alone.
    forms[3 * slot + 1] = unsafe Form(
      byteCount: oneOlder.write(
        payload.bytes, timestamp: timestamp, payloadType: 0, into: room(of: 1, in: slot)) ?? 0)
    forms[3 * slot + 2] = unsafe Form(
      byteCount: twoOlder.write(
        payload.bytes, timestamp: timestamp, payloadType: 0, into: room(of: 2, in: slot)) ?? 0)
    taken += 1
    return true
  }

  /// A frame's payload.
  ///
  /// - Parameters:
  ///   - behind: how many frames have been taken after it; less than `capacity` and than `taken`.
  ///   - olderFrames: how many older frames should go along; fewer do where they do not fit.
  ///   - payloadType: what the listener calls Opus.
  /// - Returns: the payload, and whether it is a redundant one; valid until
  ///   `capacity` more frames have been taken.
  package mutating func payload(
    behind: Int = 0, olderFrames: Int, payloadType: UInt8
  ) -> (bytes: UnsafeRawBufferPointer, isRedundant: Bool) {
    precondition(behind < min(capacity, taken), "the frame is not here")
    let slot = (taken - 1 - behind) % capacity
    let form = min(max(0, olderFrames), RepairPolicy.mostOlderFrames)
    let alone = forms[3 * slot].byteCount
    // A redundant form without an older frame has one byte more and nothing else.
    guard form > 0, forms[3 * slot + form].byteCount > alone + 1 else {
      return unsafe (UnsafeRawBufferPointer(rebasing: room(of: 0, in: slot)[..<alone]), false)
    }
    let made = unsafe UnsafeMutableRawBufferPointer(
      rebasing: room(of: form, in: slot)[..<forms[3 * slot + form].byteCount])
    if forms[3 * slot + form].payloadType != payloadType {
      unsafe RedundantAudio.setPayloadType(payloadType, in: made)
      forms[3 * slot + form].payloadType = payloadType
    }
    return (UnsafeRawBufferPointer(made), true)
  }

  private func room(of form: Int, in slot: Int) -> UnsafeMutableRawBufferPointer {
    let start = (3 * slot + form) * Self.room
    return unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + Self.room])
  }
}
