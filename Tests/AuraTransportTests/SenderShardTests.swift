import AuraCrypto
import AuraHost
import AuraStream
import CAllocations
import Glibc
import Testing

@testable import AuraTransport

/// A socket on loopback that takes what a shard sends.
private final class Ear {
  let socket: DatagramSocket
  private var buffer = [UInt8](repeating: 0, count: 2048)

  init() throws {
    socket = try DatagramSocket(address: "127.0.0.1", port: 0, joining: false)
  }

  var path: NetworkPath {
    NetworkPath(
      remote: Endpoint(upper: 0, lower: 0xffff_7f00_0001, port: UInt16(socket.port)))
  }

  /// Every datagram that waits.
  func datagrams() -> [[UInt8]] {
    var all: [[UInt8]] = []
    while true {
      let received = unsafe buffer.withUnsafeMutableBytes {
        unsafe DatagramSocket.receive(from: socket.fileDescriptor, into: $0)
      }
      guard let received else { return all }
      all.append(Array(buffer[..<received.byteCount]))
    }
  }
}

/// A shard on this thread, and its listeners behind one ear.
private final class Stage {
  let ear: Ear
  let shard: SenderShard
  private(set) var keys: [SRTPKeys] = []
  /// Made by the shard while it sent.
  private(set) var allocations = 0
  private var sent = 0
  private let payload = [UInt8](repeating: 0x5a, count: 160)
  private let packetFrames: Int
  private let delay: Duration

  init(packetFrames: Int = 480, delay: Duration = .milliseconds(250)) throws {
    self.packetFrames = packetFrames
    self.delay = delay
    ear = try Ear()
    let taken = try DatagramSocket(address: "127.0.0.1", port: 0, joining: false)
    shard = try SenderShard([BoundPlace(address: "127.0.0.1", port: taken.port, isIPv6: false)])
  }

  func add(
    _ count: Int, linear: LinearAudio? = nil, red: UInt8? = nil, nack: Bool = false,
    start: PacketStart = .newest, tellsPlan: Bool = false, id: ListenerID? = nil
  ) throws {
    for _ in 0..<count {
      let id = id ?? ListenerID(keys.count + 1)
      let keys = SRTPKeys(
        profile: .aeadAES128GCM, localKey: Random.bytes(16), localSalt: Random.bytes(12),
        remoteKey: Random.bytes(16), remoteSalt: Random.bytes(12))
      let parameters = OutgoingFlow.Parameters(
        ssrc: UInt32(id), payloadType: linear == nil ? 111 : 96, linear: linear,
        redundantPayloadType: red, tellsPlan: tellsPlan, answersNACK: nack,
        firstSequenceNumber: 0, cname: "room",
        packetDuration: linear?.packetDuration ?? .milliseconds(10),
        typicalPayloadBytes: linear?.packetBytes ?? 160)
      let listener = try ShardListener(
        id: id, parameters, keys: keys, path: ear.path, through: shard.sockets.pairs[0],
        start: start, now: HostClock.now)
      shard.signals.push(.join(JoiningListener(listener)))
      self.keys.append(keys)
    }
    shard.turn()
  }

  /// Sends one frame to everyone who listens that way.
  func send(_ linear: LinearAudio? = nil, plan: UInt8 = 0, mode: BroadcastMode = .film) {
    let payload = linear.map { [UInt8](repeating: 0xa5, count: $0.packetBytes) } ?? payload
    let frame = EncodedFrame(
      timestamp: UInt32(packetFrames * sent), capturedAt: HostClock.now, marker: sent == 0,
      byteCount: payload.count, linear: linear,
      notice: PresentationNotice(
        PresentationPlan(number: plan, mode: mode, first: delay), timestamp: 0))
    sent += 1
    let before = aura_test_allocations()
    shard.publish(payload.span, frame)
    shard.turn()
    allocations += aura_test_allocations() - before
  }
}

@Suite struct SenderShardTests {
  @Test func everyoneGetsEveryFrame() throws {
    let stage = try Stage()
    try stage.add(3)
    var received: [[UInt8]] = []
    for _ in 0..<20 {
      stage.send()
      received += stage.ear.datagrams()
    }
    for (index, keys) in stage.keys.enumerated() {
      var receiver = try SRTPReceiver(keys: keys.seenByPeer)
      var numbers: [Int] = []
      for datagram in received where DatagramKind(of: unsafe datagram.span.bytes) == .rtp {
        var bytes = datagram
        let count = unsafe bytes.withUnsafeMutableBytes { try? unsafe receiver.unprotect($0) }
        guard let count else { continue }  // another listener's
        let packet = Array(bytes[..<count])
        let header = try unsafe RTPHeader(parsing: packet.span.bytes)
        #expect(header.ssrc == UInt32(index + 1) && header.payloadType == 111)
        #expect(header.timestamp == UInt32(480 * numbers.count))
        numbers.append(Int(header.sequenceNumber))
      }
      #expect(numbers == Array(0..<20))
    }
  }

  /// Ids are given when a listener joins, and handshakes are finished in any order: whatever is for one of them
  /// must find it, from the answer to its question to its end.
  @Test(
    arguments: [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]]
      as [[ListenerID]])
  func whoJoinedFirstMayFinishLast(order: [ListenerID]) throws {
    let stage = try Stage()
    for id in order { try stage.add(1, nack: true, id: id) }
    for id in order {
      stage.shard.signals.push(
        .listener(id, .asked(ssrc: UInt32(id), middle: 7, at: HostClock.now)))
    }
    stage.send()  // the first frame brings the first report
    let reports = stage.ear.datagrams().filter {
      DatagramKind(of: unsafe $0.span.bytes) == .rtcp
    }
    for (id, keys) in zip(order, stage.keys) {
      var receiver = try SRTCPReceiver(keys: keys.seenByPeer)
      var echoed: [UInt32] = []
      for datagram in reports {
        var bytes = datagram
        let count = unsafe bytes.withUnsafeMutableBytes { try? unsafe receiver.unprotect($0) }
        guard let count else { continue }  // another listener's
        let clear = Array(bytes[..<count])
        for item in try unsafe RTCPCompound.parse(clear.span.bytes) {
          if case .delaySinceReference(let echo) = item { echoed += echo.reports.map(\.ssrc) }
        }
      }
      #expect(echoed == [UInt32(id)])
    }
    for id in order {
      stage.shard.signals.push(.listener(id, .missing(sequenceNumber: 0, following: 0)))
    }
    stage.shard.turn()
    #expect(stage.shard.current.map(\.counts.repeated) == [1, 1, 1])
    for id in order { stage.shard.signals.push(.leave(id)) }
    stage.shard.turn()
    #expect(stage.shard.current.isEmpty)
  }

  /// The longest delay there is: what a browser cannot hold of it the shard does, to the packet; and nothing
  /// for who holds it itself.
  @Test func twoSecondsAreHeld() throws {
    let stage = try Stage(packetFrames: 960, delay: .seconds(2))
    for _ in 0..<FrameHistory.capacity { stage.send() }
    try stage.add(1, start: PacketStart(.server, delay: .seconds(2)))
    try stage.add(1, start: PacketStart(.unknown, delay: .seconds(2)))
    try stage.add(1, start: PacketStart(.listener, delay: .seconds(2)))
    var received: [[UInt8]] = []
    for _ in 0..<20 {
      stage.send()
      received += stage.ear.datagrams()
    }
    let held = (PacketStart.hold(for: .seconds(2)).frames() + 480) / 960
    #expect(held > 90)
    for (index, behind) in [held, held, 0].enumerated() {
      let timestamps = try received.filter { DatagramKind(of: unsafe $0.span.bytes) == .rtp }
        .map { try unsafe RTPHeader(parsing: $0.span.bytes) }
        .filter { $0.ssrc == UInt32(index + 1) }.map(\.timestamp)
      #expect(timestamps == (0..<20).map { UInt32(960 * (FrameHistory.capacity + $0 - behind)) })
    }
  }

  /// Two codings on one shard: nobody hears the other's, and what is asked for comes as it was.
  @Test func everyCodingHasItsListeners() throws {
    let stage = try Stage()
    try stage.add(1, red: 63)
    try stage.add(1, linear: .l24, nack: true)
    var received: [[UInt8]] = []
    for turn in 0..<40 {
      stage.send(turn % 2 == 0 ? .l24 : nil)
      received += stage.ear.datagrams()
    }
    let media = received.filter { DatagramKind(of: unsafe $0.span.bytes) == .rtp }
    #expect(media.allSatisfy { $0.count <= OutgoingFlow.mostDatagramBytes })
    for (index, keys) in stage.keys.enumerated() {
      var receiver = try SRTPReceiver(keys: keys.seenByPeer)
      var timestamps: [UInt32] = []
      for datagram in media {
        var bytes = datagram
        let count = unsafe bytes.withUnsafeMutableBytes { try? unsafe receiver.unprotect($0) }
        guard let count else { continue }
        let packet = Array(bytes[..<count])
        let header = try unsafe RTPHeader(parsing: packet.span.bytes)
        #expect(header.sequenceNumber == UInt16(timestamps.count))
        #expect(header.payloadType == (index == 0 ? 111 : 96))
        #expect(packet.count - 12 == (index == 0 ? 160 : LinearAudio.l24.packetBytes))
        #expect(packet.last == (index == 0 ? 0x5a : 0xa5))
        timestamps.append(header.timestamp)
      }
      #expect(timestamps == (0..<20).map { UInt32(480 * (2 * $0 + 1 - index)) })
    }
    stage.shard.signals.push(.listener(2, .missing(sequenceNumber: 5, following: 0b100)))
    stage.shard.turn()
    // Byte for byte the same: an index is encrypted once.
    let again = stage.ear.datagrams()
    #expect(again.count == 2)
    #expect(again.allSatisfy { media.contains($0) && $0.count > 1_000 })
  }

  /// What is held for one listener is in nobody else's way; its packets stay whole and in order.
  @Test func whoCannotHoldGetsItsPacketsLater() throws {
    let stage = try Stage()
    try stage.add(2)
    for _ in 0..<5 { stage.send() }
    stage.shard.signals.push(.listener(1, .hold(.milliseconds(10))))
    var received = stage.ear.datagrams()
    for _ in 0..<10 { stage.send() }
    received += stage.ear.datagrams()
    for (index, keys) in stage.keys.enumerated() {
      var receiver = try SRTPReceiver(keys: keys.seenByPeer)
      var headers: [RTPHeader] = []
      for datagram in received where DatagramKind(of: unsafe datagram.span.bytes) == .rtp {
        var bytes = datagram
        guard
          let count = unsafe bytes.withUnsafeMutableBytes({ try? unsafe receiver.unprotect($0) })
        else { continue }  // another listener's, or an index that was used twice
        let packet = Array(bytes[..<count])
        headers.append(try unsafe RTPHeader(parsing: packet.span.bytes))
      }
      let wanted = index == 0 ? 14 : 15
      #expect(headers.map(\.sequenceNumber) == Array(0..<UInt16(wanted)))
      #expect(headers.map(\.timestamp) == (0..<UInt32(wanted)).map { 480 * $0 })
    }
    #expect(stage.shard.current.map(\.heldPackets) == [1, 0])
  }

  /// Each packet carries the plan of its own sound, in film mode and to who is to be told; whole behind it.
  @Test func theNumberOfThePlanGoesAlong() throws {
    let stage = try Stage()
    try stage.add(1, tellsPlan: true)
    try stage.add(1)
    try stage.add(1, tellsPlan: true)
    stage.send(plan: 7)
    stage.shard.signals.push(.listener(3, .hold(.milliseconds(10))))
    let turns: [(plan: UInt8, mode: BroadcastMode)] = [
      (7, .film), (7, .film), (8, .film), (8, .film), (9, .live), (9, .live), (255, .film),
    ]
    for turn in turns { stage.send(plan: turn.plan, mode: turn.mode) }
    let received = stage.ear.datagrams()
    let plans: [UInt32?] = [7, 7, 7, 8, 8, nil, nil, 255]
    let marks = plans.map { plan in plan.map { 0x4155_5200 | $0 } }
    for (index, keys) in stage.keys.enumerated() {
      var receiver = try SRTPReceiver(keys: keys.seenByPeer)
      var contributors: [UInt32?] = []
      for datagram in received where DatagramKind(of: unsafe datagram.span.bytes) == .rtp {
        var bytes = datagram
        let count = unsafe bytes.withUnsafeMutableBytes { try? unsafe receiver.unprotect($0) }
        guard let count else { continue }  // another listener's
        let packet = Array(bytes[..<count])
        let header = try unsafe RTPHeader(parsing: packet.span.bytes)
        #expect(Array(packet[header.payloadRange]) == [UInt8](repeating: 0x5a, count: 160))
        contributors.append(header.contributor)
      }
      switch index {
      case 0: #expect(contributors == marks)
      case 1: #expect(contributors == Array(repeating: nil, count: 8))
      default: #expect(contributors == Array(marks.dropLast()))
      }
    }
  }

  /// New packets, redundant ones, repeated ones and reports: none of them allocates.
  @Test func aPacketAllocatesNothing() throws {
    let stage = try Stage()
    try stage.add(60)
    try stage.add(60, red: 63, tellsPlan: true)
    try stage.add(60, nack: true)
    try stage.add(20, linear: .l24, nack: true)
    let ids = ListenerID(1)...180
    for id in ids {
      let report = SenderSignal.reported(fractionLost: 64, roundTrip: .milliseconds(5))
      stage.shard.signals.push(.listener(id, report))
    }
    for id in ids where id % 3 == 0 {
      stage.shard.signals.push(.listener(id, .hold(.milliseconds(250))))
    }
    // The first second sets everything up, reports included.
    for _ in 0..<100 { stage.send() }
    let askers = Array(ListenerID(121)...180)
    let before = stage.allocations
    let end = HostClock.now + .milliseconds(1_200)
    var frames = 0
    while HostClock.now < end || frames < 200 {
      stage.send()
      stage.send(.l24)
      frames += 1
      for id in askers {
        let newest = UInt16(99 + frames)
        let missing = SenderSignal.missing(sequenceNumber: newest, following: 0)
        stage.shard.signals.push(.listener(id, missing))
      }
    }
    let allocations = stage.allocations - before
    let numbers = stage.shard.numbers.listeners
    #expect(numbers.contains { $0.olderFrames > 0 })
    #expect(numbers.contains { $0.sendsTwice })
    #expect(numbers.reduce(0) { $0 + $1.counts.repeated } > 0)
    let packets = frames * ids.count
    // What is left is housekeeping: every half second the numbers are copied for others to read.
    #expect(allocations < packets / 1000, "\(allocations) allocations, \(packets) packets")
    #expect(allocations > 0, "the count does not count: housekeeping does allocate")
  }
}
