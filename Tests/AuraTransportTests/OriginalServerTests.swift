import AuraHost
import AuraStream
import Synchronization
import Testing

@testable import AuraTransport

/// A client on loopback, made of our own connection and parser.
private final class Client: @unchecked Sendable {
  // One thread at a time uses it.
  private let connection: TCPConnection
  private var parser = OriginalParser()
  private var buffer = [UInt8](repeating: 0, count: 65_536)
  private var rest: [UInt8] = []

  init(of server: OriginalServer, host: String = "127.0.0.1") throws {
    connection = try TCPConnection(
      host: host, port: server.port, receiveBufferBytes: 65_536, cancel: WakeUp())
  }

  var isLocal: Bool { connection.isLocal }

  /// Whether the server has closed the connection, with nothing more to read.
  var isClosed: Bool {
    connection.receive(into: &buffer, timeout: .seconds(5)) == .closed
  }

  /// Reads up to `most` messages; ends early with number `last` or when nothing comes.
  func messages(_ most: Int, until last: Int? = nil) throws -> [OriginalParser.Message] {
    var messages: [OriginalParser.Message] = []
    while messages.count < most {
      var input = rest[...]
      if let message = try parser.next(&input) {
        if case .announcement = message { parser.expectChunks(of: OriginalServerTests.format) }
        messages.append(message)
        rest = Array(input)
        if let last, message.number == last { break }
        continue
      }
      guard case .bytes(let bytes) = connection.receive(into: &buffer, timeout: .seconds(5)) else {
        break
      }
      rest = Array(buffer[..<bytes])
    }
    return messages
  }
}

extension OriginalParser.Message {
  /// The value of a chunk's first sample.
  fileprivate var number: Int? {
    guard case .chunk(let bytes) = self else { return nil }
    let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << UInt32(8 * $1) }
    return Int(Float(bitPattern: bits))
  }
}

struct OriginalServerTests {
  fileprivate static let format = OriginalFormat(sampleRate: 48_000, channels: 2, chunkSize: 512)

  private final class Events: Sendable {
    let all = Mutex<[OriginalServer.Event]>([])
    let wakeUp = WakeUp()

    func take(_ event: OriginalServer.Event) {
      all.withLock { $0.append(event) }
      wakeUp.signal()
    }

    /// Waits until an event satisfies `predicate`.
    func wait(for predicate: (OriginalServer.Event) -> Bool) -> Bool {
      let deadline = HostClock.now + .seconds(10)
      while HostClock.now < deadline {
        if all.withLock({ $0.contains(where: predicate) }) { return true }
        wakeUp.wait(timeout: .milliseconds(200))
      }
      return false
    }
  }

  private func makeServer(
    _ events: Events, maxClients: Int = 50, queueSize: Int = 20, addresses: [String] = [],
    mayListen: @escaping @Sendable ([UInt8]) -> Bool = { _ in true }
  ) throws -> OriginalServer {
    try OriginalServer(
      OriginalServer.Configuration(
        format: Self.format, addresses: addresses, port: 0, queueSize: queueSize,
        maxClients: maxClients, listenBacklog: 10, mayListen: mayListen)
    ) { events.take($0) }
  }

  /// Publishes chunk number `number`: every sample is the number.
  private func publish(_ number: Int, to server: OriginalServer) {
    let chunk = [Float](repeating: Float(number), count: Self.format.chunkSize * 2)
    server.publish(chunk.span, capturedAt: HostClock.now)
  }

  @Test(arguments: ["127.0.0.1", "::1", "localhost"])
  func everyChunkArrivesInOrder(host: String) throws {
    let events = Events()
    let server = try makeServer(events)
    defer { server.stop() }
    let client = try Client(of: server, host: host)
    #expect(events.wait { if case .connected = $0 { true } else { false } })
    #expect(client.isLocal)
    for number in 1...10 { publish(number, to: server) }
    let received = try client.messages(11)
    #expect(received.first == .announcement(Array(Self.format.announcement.utf8)))
    #expect(received.dropFirst().map { $0.number } == Array(1...10))
  }

  @Test func aFullServerSaysSo() throws {
    let events = Events()
    let server = try makeServer(events, maxClients: 1)
    defer { server.stop() }
    let first = try Client(of: server)
    #expect(events.wait { if case .connected = $0 { true } else { false } })
    let second = try Client(of: server)
    let refusal = try second.messages(1)
    #expect(refusal == [.announcement(Array(#"{"error": "Server full"}"#.utf8))])
    #expect(second.isClosed)
    publish(1, to: server)
    #expect(try first.messages(2).count == 2)
  }

  @Test func whoMayNotListenIsClosed() throws {
    let events = Events()
    let server = try makeServer(events, mayListen: { $0 != [127, 0, 0, 1] })
    defer { server.stop() }
    let client = try Client(of: server)
    #expect(client.isClosed)
    #expect(events.wait { if case .refused = $0 { true } else { false } })
  }

  @Test func aClientThatStopsReadingLosesTheOldestAndNobodyElseDoes() throws {
    let events = Events()
    let queueSize = 20
    let server = try makeServer(events, queueSize: queueSize)
    defer { server.stop() }
    let stopped = try Client(of: server)
    let good = try Client(of: server)
    #expect(events.wait { if case .connected(_, 2) = $0 { true } else { false } })
    var expected = 0
    var announcement = 1
    // Far more than every kernel buffer and the queue hold together.
    for _ in 0..<100 {
      for _ in 0..<8 {
        expected += 1
        publish(expected, to: server)
      }
      #expect(try good.messages(8 + announcement).last?.number == expected)
      announcement = 0
    }
    let numbers = try stopped.messages(10_000, until: expected).compactMap(\.number)
    #expect(numbers.last == expected)
    #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
    #expect(numbers.suffix(queueSize).first == expected - queueSize + 1, "the queue is kept")
    #expect(numbers.count < expected, "something was dropped")
    // They are told twice a second.
    let deadline = HostClock.now + .seconds(30)
    while server.statistics.droppedChunks != expected - numbers.count, HostClock.now < deadline {
      WakeUp().wait(timeout: .milliseconds(50))
    }
    #expect(server.statistics.droppedChunks == expected - numbers.count)
  }

  @Test func stoppingWithDrainDeliversWhatWasPublished() throws {
    let server = try makeServer(Events())
    let client = try Client(of: server)
    publish(0, to: server)
    _ = try client.messages(2)
    for number in 1...15 { publish(number, to: server) }
    let received = Mutex<[Int]>([])
    let reader = HostThread(name: "reader") {
      let numbers = (try? client.messages(15).compactMap(\.number)) ?? []
      received.withLock { $0 = numbers }
    }
    server.stop(draining: .seconds(5))
    reader.join()
    #expect(received.withLock { $0 } == Array(1...15))
  }

  @Test func aTakenPortIsOneClearSentence() throws {
    let events = Events()
    let server = try makeServer(events)
    defer { server.stop() }
    let error = #expect(throws: TransportError.self) {
      try OriginalServer(
        OriginalServer.Configuration(
          format: Self.format, addresses: [], port: server.port, queueSize: 1, maxClients: 0,
          listenBacklog: 1, mayListen: { _ in true })
      ) { _ in }
    }
    #expect(error?.kind == .cannotBind)
    #expect(error?.description.contains("--port") == true)
  }
}
