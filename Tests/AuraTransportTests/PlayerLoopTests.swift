import AuraHost
import AuraStream
import AuraTransport
import Synchronization
import Testing

/// A server on loopback that publishes whenever it is told to.
private final class Station {
  let server: WebRTCServer
  private var maker = PacketMaker(frames: 480)
  private var position = MediaTime(frames: 0)

  init() throws {
    let box = EventBox()
    server = try WebRTCServer(
      .init(
        addresses: ["127.0.0.1"], port: 0, maxListeners: 0, packetDuration: .milliseconds(10),
        typicalPayloadBytes: 160, mayListen: { _ in true }, shards: 1),
      onEvent: { box.add($0) })
    self.box = box
  }

  private let box: EventBox
  var hasLost: Bool { box.contains { if case .left = $0 { true } else { false } } }

  /// Sends one frame to everyone; its payload begins with its number.
  func publish() {
    let block = [Float](repeating: 0, count: 960)
    var taken = 0
    _ = maker.fill(from: block.span, taken: &taken, at: position, endingAt: HostClock.now)
    position = position + 480
    guard let packet = maker.packet else { return }
    var payload: [UInt8] = []
    payload.append(bigEndian: UInt32(position.frames / 480))
    payload += [UInt8](repeating: 7, count: 156)
    let plan = PresentationPlan(mode: .live, first: .milliseconds(250))
    server.publish(payload.span, packet, plan)
    for linear in LinearAudio.allCases where server.hasListeners(to: linear) {
      var sound = [UInt8](repeating: 9, count: linear.packetBytes)
      sound[0] = UInt8(linear.bytesPerSample)
      server.publish(sound.span, packet, plan, as: linear)
    }
    maker.release()
  }

  func join(_ loop: PlayerLoop, _ sink: any PlayerSink) throws -> PlayerID {
    let seat = try loop.makeSeat(binding: ["127.0.0.1"])
    let accepted = try server.offer(seat.offer, name: "Test", from: "127.0.0.1").get()
    return loop.begin(seat, try PlayerAnswer(parsing: accepted.answer), sink: sink)
  }

  private final class EventBox: Sendable {
    private let events = Mutex<[WebRTCServer.Event]>([])
    func add(_ event: WebRTCServer.Event) { events.withLock { $0.append(event) } }
    func contains(_ condition: (WebRTCServer.Event) -> Bool) -> Bool {
      events.withLock { $0.contains(where: condition) }
    }
  }
}

/// The players' thread against the real server, over loopback.
@Suite struct PlayerLoopTests {
  /// Publishes and lets the queue be looked at until the condition holds; a minute at most.
  private func play(
    _ station: Station, _ queue: PlayerQueue, until isDone: () -> Bool
  ) throws {
    let begin = HostClock.now
    while !isDone() {
      try #require(HostClock.now - begin < .seconds(60))
      station.publish()
      queue.wait(timeout: .milliseconds(10))
    }
  }

  @Test func onePlayerHearsAndLeaves() throws {
    let station = try Station()
    let loop = try PlayerLoop(.init())
    let queue = PlayerQueue()
    let id = try station.join(loop, queue)
    var numbers: [UInt32] = []
    var lastSequence: UInt16?
    try play(station, queue) {
      while queue.takePacket({ packet, payload in
        #expect(payload.byteCount == 160 && packet.header.payloadType == 111)
        let number = payload.uint32(at: 0)
        #expect(numbers.last.map { $0 < number } ?? true)
        if let lastSequence { #expect(packet.header.sequenceNumber == lastSequence &+ 1) }
        lastSequence = packet.header.sequenceNumber
        numbers.append(number)
      }) {}
      return numbers.count >= 100 && queue.latestFacts.senderClock != nil
    }
    let facts = queue.latestFacts
    #expect(facts.reception.missing == 0 && facts.roundTrip != nil)
    #expect(facts.drops.unauthentic == 0 && facts.drops.malformed == 0)
    loop.leave(id)
    var events: [PlayerQueue.Event] = []
    try play(station, queue) {
      events += queue.takeEvents().map(\.event)
      guard case .ended? = events.last else { return false }
      return station.hasLost
    }
    guard case .started? = events.first, case .ended(.ended)? = events.last else {
      Issue.record("\(events)")
      return
    }
    loop.stop()
    station.server.stop()
  }

  @Test func whoWantsUncompressedSoundGetsThatAndNobodyElse() throws {
    let station = try Station()
    var configuration = PlayerLoop.Configuration()
    let plain = try PlayerLoop(configuration)
    configuration.wantsLinear = true
    let fine = try PlayerLoop(configuration)
    let (opus, linear) = (PlayerQueue(), PlayerQueue())
    _ = try station.join(plain, opus)
    var (heardOpus, heardLinear) = (0, 0)
    func takePackets() {
      while opus.takePacket({ packet, payload in
        #expect(packet.header.payloadType == 111 && payload.byteCount == 160)
        heardOpus += 1
      }) {}
      while linear.takePacket({ packet, payload in
        #expect(packet.header.payloadType == 96)
        #expect(payload.byteCount == LinearAudio.l24.packetBytes && payload.byte(at: 0) == 3)
        heardLinear += 1
      }) {}
    }
    try play(station, opus) {
      takePackets()
      return heardOpus > 10
    }
    #expect(!station.server.hasListeners(to: .l24))
    let id = try station.join(fine, linear)
    try play(station, linear) {
      takePackets()
      return heardLinear > 50
    }
    #expect(station.server.hasListeners(to: .l24) && !station.server.hasListeners(to: .l16))
    #expect(linear.latestFacts.reception.missing == 0)
    fine.leave(id)
    try play(station, opus) { station.hasLost }
    // Nobody listens that way any more: nothing is made for nobody.
    #expect(!station.server.hasListeners(to: .l24))
    plain.stop()
    fine.stop()
    station.server.stop()
  }

  @Test(arguments: [true, false])
  func manyPlayersHearTheSame(opensMedia: Bool) throws {
    let station = try Station()
    var configuration = PlayerLoop.Configuration()
    configuration.opensMedia = opensMedia
    let loop = try PlayerLoop(configuration)
    var queues: [PlayerQueue] = []
    for _ in 0..<20 {
      let queue = PlayerQueue(slots: 4_096)
      _ = try station.join(loop, queue)
      queues.append(queue)
    }
    var heard = [Int](repeating: 0, count: queues.count)
    try play(station, queues[0]) {
      for (index, queue) in queues.enumerated() {
        while queue.takePacket({ _, payload in
          // Counted only, it is encrypted and has its tag.
          #expect(payload.byteCount == (opensMedia ? 160 : 176))
          heard[index] += 1
        }) {}
      }
      return heard.allSatisfy { $0 >= 50 }
    }
    #expect(loop.takeLag().load < 1)
    // The server's goodbye ends them all.
    station.server.stop()
    let begin = HostClock.now
    var ended: Set<Int> = []
    while ended.count < queues.count {
      try #require(HostClock.now - begin < .seconds(60))
      for (index, queue) in queues.enumerated() {
        queue.wait(timeout: .milliseconds(1))
        for (event, _) in queue.takeEvents() {
          if case .ended(let end) = event {
            #expect(end == .goodbye)
            ended.insert(index)
          }
        }
      }
    }
    loop.stop()
  }

  @Test func whatNobodyTakesIsDroppedAndCounted() {
    let queue = PlayerQueue(slots: 4)
    let header = RTPHeader(payloadType: 111, sequenceNumber: 1, timestamp: 2, ssrc: 3)
    let payload: [UInt8] = [1, 2, 3]
    unsafe payload.withUnsafeBytes { bytes in
      for _ in 0..<6 { unsafe queue.playerHeard(header, bytes, now: HostClock.now) }
    }
    #expect(queue.dropped == 2)
    var taken = 0
    while queue.takePacket({ packet, _ in
      taken += 1
      #expect(packet.header == header)
    }) {}
    #expect(taken == 4)
  }
}
