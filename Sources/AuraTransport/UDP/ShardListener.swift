internal import AuraCrypto
internal import AuraHost
internal import AuraStream
internal import CLinux
internal import Glibc

/// Names a listener for as long as the server runs; grows with each join.
typealias ListenerID = UInt64

/// What one shard's thread needs to send to one listener: the packets' rules, the ciphers, the way.
///
/// The outgoing ciphers, sequence numbers and history of a listener live here and nowhere else.
struct ShardListener: ~Copyable, @unchecked Sendable {
  // Sendable: handed over once, before the shard's thread becomes the only one that has it.

  let id: ListenerID
  private(set) var flow: OutgoingFlow
  private(set) var numbers: SenderNumbers
  private(set) var liveness = SenderSignal.Liveness.present
  private var hold: PacketHold
  private var rtp: SRTPSender
  private var rtcp: SRTCPSender
  private var path: aura_datagram_path
  private var sockets: SocketPair

  /// - Throws: `CryptoError` when OpenSSL has no memory.
  init(
    id: ListenerID, _ parameters: OutgoingFlow.Parameters, keys: SRTPKeys, path: NetworkPath,
    through sockets: SocketPair, start: PacketStart = .newest, now: HostTime
  ) throws(CryptoError) {
    let rtp = try SRTPSender(keys: keys, ssrc: parameters.ssrc)
    let rtcp = try SRTCPSender(keys: keys)
    self.rtp = rtp
    self.rtcp = rtcp
    flow = OutgoingFlow(parameters, now: now)
    numbers = SenderNumbers(id: id)
    self.id = id
    hold = PacketHold(start)
    self.path = path.datagramPath
    self.sockets = sockets
  }

  mutating func move(to path: NetworkPath, through sockets: SocketPair) {
    self.path = path.datagramPath
    self.sockets = sockets
  }

  mutating func become(_ liveness: SenderSignal.Liveness) {
    self.liveness = liveness
  }

  /// Sends the frame of Opus whose turn it is, and what else is due along with it; `control` is room
  /// for a report.
  mutating func send(
    _ history: inout FrameHistory, now: HostTime, with control: inout [UInt8]
  ) {
    guard liveness != .silent else { return }
    hold.note(history.frame(behind: 0).notice)
    let due = hold.due(packetFrames: history.packetFrames, available: history.count, now: now)
    var behind = due.upperBound
    while behind > due.lowerBound {
      behind -= 1
      let form = unsafe history.payload(
        behind: behind, olderFrames: flow.repair.olderFrames,
        payloadType: flow.parameters.payloadType)
      unsafe send(
        form.bytes, isRedundant: form.isRedundant, history.frame(behind: behind), now: now)
    }
    reportIfDue(history.frame(behind: 0), now: now, with: &control)
  }

  /// Sends the newest frame of uncompressed sound, and what else is due along with it. Nothing of
  /// it is held: who asks for it has room of its own.
  mutating func send(
    _ payload: UnsafeRawBufferPointer, _ frame: EncodedFrame, now: HostTime,
    with control: inout [UInt8]
  ) {
    guard liveness != .silent else { return }
    unsafe send(payload, isRedundant: false, frame, now: now)
    reportIfDue(frame, now: now, with: &control)
  }

  private mutating func reportIfDue(
    _ newest: EncodedFrame, now: HostTime, with control: inout [UInt8]
  ) {
    if flow.isReportDue(plan: newest.notice.number, now: now) {
      report(newest, now: now, with: &control)
    }
  }

  private mutating func send(
    _ payload: UnsafeRawBufferPointer, isRedundant: Bool, _ frame: EncodedFrame, now: HostTime
  ) {
    let draft = unsafe flow.draft(
      payload: payload, isRedundant: isRedundant, timestamp: frame.timestamp,
      marker: frame.marker, notice: frame.notice)
    let room = unsafe draft.bytes
    do {
      let byteCount = try unsafe rtp.protect(room, length: draft.byteCount)
      unsafe transmit(flow.commit(draft, byteCount: byteCount, now: now))
    } catch {
      numbers.failed += 1
      return
    }
    if let copy = unsafe flow.secondCopy() { unsafe transmit(copy) }
  }

  /// Sends packets again that the listener misses.
  mutating func repeatPackets(
    from first: UInt16, following: UInt16, now: HostTime
  ) {
    // An entry names its first packet and one for each bit.
    for distance in 0...16 {
      guard distance == 0 || following & (1 << (distance - 1)) != 0 else { continue }
      if let packet = unsafe flow.packetAgain(first &+ UInt16(distance), now: now) {
        unsafe transmit(packet)
      }
    }
  }

  mutating func didReport(fractionLost: UInt8, roundTrip: Duration?, now: HostTime) {
    flow.didReport(fractionLost: fractionLost, roundTrip: roundTrip, now: now)
  }

  mutating func keep(for hold: Duration) { self.hold.aim(at: hold) }

  mutating func didAsk(ssrc: UInt32, middle: UInt32, at: HostTime) {
    flow.didAsk(ssrc: ssrc, middle: middle, at: at)
  }

  /// Tells the listener that nothing more comes.
  mutating func sayGoodbye(_ frame: EncodedFrame, now: HostTime, with control: inout [UInt8]) {
    control.removeAll(keepingCapacity: true)
    flow.appendFarewell(timestamp: frame.timestamp, at: frame.capturedAt, now: now, to: &control)
    sendControl(&control)
  }

  private mutating func report(
    _ frame: EncodedFrame, now: HostTime, with control: inout [UInt8]
  ) {
    control.removeAll(keepingCapacity: true)
    flow.appendReport(
      timestamp: frame.timestamp, at: frame.capturedAt, now: now, notice: frame.notice, to: &control
    )
    sendControl(&control)
  }

  private mutating func sendControl(_ bytes: inout [UInt8]) {
    let length = bytes.count
    for _ in 0..<rtcp.overhead { bytes.append(0) }
    unsafe bytes.withUnsafeMutableBytes { buffer in
      guard let count = try? unsafe rtcp.protect(buffer, length: length) else {
        numbers.failed += 1
        return
      }
      unsafe transmit(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }

  private mutating func transmit(_ packet: UnsafeRawBufferPointer) {
    let socket = liveness == .present ? sockets.present : sockets.doubtful
    let error = unsafe DatagramSocket.send(packet, to: path, through: socket)
    guard error == 0 else {
      numbers.count(error)
      return
    }
    numbers.bytes += packet.count
  }

  /// The numbers of this moment.
  var snapshot: SenderNumbers {
    var numbers = numbers
    numbers.counts = flow.counts
    numbers.olderFrames = flow.repair.olderFrames
    numbers.sendsTwice = flow.repair.sendsTwice
    numbers.loss = flow.repair.loss
    numbers.heldPackets = hold.packets
    return numbers
  }
}

/// What a shard counts for one listener.
struct SenderNumbers: Sendable {
  let id: ListenerID
  var counts = OutgoingFlow.Counts()
  /// Bytes handed to the system, without UDP's and IP's own.
  var bytes = 0
  /// Datagrams lost because the shard's socket was full.
  var dropped = 0
  /// Datagrams lost to other errors: no way there, no permission, the cipher.
  var failed = 0
  var olderFrames = 0
  var sendsTwice = false
  var loss = 0.0
  /// How many packets its newest one is behind the broadcast's.
  var heldPackets = 0

  init(id: ListenerID) { self.id = id }

  /// Counts a datagram that was not sent.
  mutating func count(_ error: Int32) {
    if error == EAGAIN || error == ENOBUFS { dropped += 1 } else { failed += 1 }
  }
}
