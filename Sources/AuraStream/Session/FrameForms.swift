/// The forms in which the newest frame goes out: alone, and with older ones (RED, RFC 2198).
///
/// A form is made once, when the first listener needs it, and then shared by all. Allocates
/// nothing after it is made. For one sender thread.
@safe package struct FrameForms: ~Copyable {
  private struct Frame {
    var timestamp: UInt32 = 0
    var byteCount = 0
    var isThere = false
  }

  private struct Form {
    var byteCount = 0
    var payloadType: UInt8 = 0
    var isMade = false
  }

  private static let kept = 1 + RepairPolicy.mostOlderFrames
  private static let room = OutgoingFlow.mostPayloadBytes
  /// The most that fits into the 14 and 10 bits of a block's header.
  private static let mostOffset: UInt32 = 16_383
  private static let mostBlockBytes = 1_023

  // The frames, then the forms.
  private let bytes: UnsafeMutableRawBufferPointer
  private var frames = InlineArray<3, Frame>(repeating: Frame())
  private var forms = InlineArray<3, Form>(repeating: Form())
  private var newest = 0

  package init() {
    precondition(Self.kept == 3, "there is a place for each frame that is kept")
    unsafe bytes = .allocate(byteCount: 2 * Self.kept * Self.room, alignment: 16)
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
    newest = (newest + 1) % Self.kept
    frames[newest] = Frame(timestamp: timestamp, byteCount: payload.count, isThere: true)
    unsafe room(at: newest).copyMemory(from: payload)
    for index in 0..<Self.kept { forms[index].isMade = false }
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
    let wanted = min(max(0, olderFrames), Self.kept - 1)
    var count = 0
    while count < wanted, fits(older: count + 1) { count += 1 }
    if count == 0 {
      return unsafe (
        UnsafeRawBufferPointer(rebasing: room(at: newest)[..<frames[newest].byteCount]), false
      )
    }
    if !forms[count].isMade || forms[count].payloadType != payloadType {
      make(older: count, payloadType: payloadType)
    }
    let made = unsafe room(at: Self.kept + count)
    return unsafe (UnsafeRawBufferPointer(rebasing: made[..<forms[count].byteCount]), true)
  }

  private func room(at place: Int) -> UnsafeMutableRawBufferPointer {
    unsafe UnsafeMutableRawBufferPointer(
      rebasing: bytes[(place * Self.room)..<((place + 1) * Self.room)])
  }

  private func place(older: Int) -> Int { (newest + Self.kept - older) % Self.kept }

  private func fits(older: Int) -> Bool {
    let frame = frames[place(older: older)]
    let offset = frames[newest].timestamp &- frame.timestamp
    guard frame.isThere, (1...Self.mostOffset).contains(offset),
      frame.byteCount <= Self.mostBlockBytes
    else { return false }
    let total = (0...older).reduce(1 + 4 * older) { $0 + frames[place(older: $1)].byteCount }
    return total <= Self.room
  }

  private mutating func make(older: Int, payloadType: UInt8) {
    let form = unsafe room(at: Self.kept + older)
    var end = 0
    for age in stride(from: older, to: 0, by: -1) {
      let frame = frames[place(older: age)]
      let offset = frames[newest].timestamp &- frame.timestamp
      let header =
        1 << 31 | UInt32(payloadType & 0x7f) << 24 | offset << 10 | UInt32(frame.byteCount)
      unsafe form.storeBytes(of: header.bigEndian, toByteOffset: end, as: UInt32.self)
      end += 4
    }
    unsafe form[end] = payloadType & 0x7f
    end += 1
    for age in stride(from: older, through: 0, by: -1) {
      let count = frames[place(older: age)].byteCount
      let block = unsafe UnsafeRawBufferPointer(rebasing: room(at: place(older: age))[..<count])
      unsafe UnsafeMutableRawBufferPointer(rebasing: form[end..<end + count])
        .copyMemory(from: block)
      end += count
    }
    forms[older] = Form(byteCount: end, payloadType: payloadType, isMade: true)
  }
}
