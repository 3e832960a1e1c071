import NIOCore
import NIOPosix
import Synchronization

/// A connection that sends exactly the bytes it is told, well-formed or not.
final class RawClient: Sendable {
  /// What came so far.
  struct Received {
    var bytes: [UInt8] = []
    var isClosed = false

    var text: String { String(decoding: bytes, as: UTF8.self) }
  }

  private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    let owner: RawClient
    let first: String
    init(_ owner: RawClient, sending first: String) {
      self.owner = owner
      self.first = first
    }

    // On the connection's own thread: a test that waits for its turn would be idle meanwhile.
    func channelActive(context: ChannelHandlerContext) {
      guard !first.isEmpty else { return }
      context.writeAndFlush(NIOAny(ByteBuffer(string: first)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let buffer = unwrapInboundIn(data)
      owner.received.withLock { $0.bytes += buffer.readableBytesView }
    }

    func channelInactive(context: ChannelHandlerContext) {
      owner.received.withLock { $0.isClosed = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }

  private let received = Mutex(Received())
  private let channel = Mutex<(any Channel)?>(nil)

  /// Connects and sends what is to be sent at once; unless it `reads` it takes nothing of what the
  /// server sends.
  init(
    port: Int, host: String = "127.0.0.1", reads: Bool = true, sending first: String = ""
  ) async throws {
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.autoRead, value: reads)
      .channelOption(.allowRemoteHalfClosure, value: false)
      .channelOption(.socketOption(.so_rcvbuf), value: reads ? 65536 : 4096)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Collector(self, sending: first))
        }
      }
      .connect(host: host, port: port).get()
    self.channel.withLock { $0 = channel }
  }

  func send(_ bytes: [UInt8]) {
    let channel = channel.withLock { $0 }
    channel?.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
  }

  func send(_ text: String) { send(Array(text.utf8)) }

  func close() { channel.withLock { $0 }?.close(promise: nil) }

  /// Waits until what came is as wanted.
  ///
  /// - Returns: what came, at the latest after `limit` or when no more can come.
  func wait(
    _ limit: Duration = .seconds(60), until condition: (Received) -> Bool
  ) async -> Received {
    let deadline = ContinuousClock.now + limit
    while true {
      let now = received.withLock { $0 }
      if condition(now) || now.isClosed || ContinuousClock.now > deadline { return now }
      try? await Task.sleep(for: .milliseconds(2))
    }
  }

  /// One whole answer.
  func answer(toHead isHead: Bool = false) async -> Answer {
    let received = await wait { Answer($0.text, toHead: isHead) != nil || $0.isClosed }
    return Answer(received.text, toHead: isHead) ?? Answer()
  }
}

/// An HTTP response, taken apart.
struct Answer {
  var status = 0
  var fields: [String: String] = [:]
  var body = ""

  init() {}

  /// Nil while it is not complete.
  init?(_ text: String, toHead isHead: Bool = false) {
    guard let end = text.range(of: "\r\n\r\n") else { return nil }
    let lines = text[..<end.lowerBound].split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count >= 2, let status = Int(words[1]) else { return nil }
    self.status = status
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      fields[line[..<colon].lowercased()] = String(value)
    }
    let length = isHead ? 0 : Int(fields["content-length"] ?? "0") ?? 0
    let rest = text[end.upperBound...].utf8
    guard rest.count >= length else { return nil }
    body = String(decoding: rest.prefix(length), as: UTF8.self)
  }
}

extension String {
  fileprivate func range(of needle: String) -> Range<String.Index>? {
    firstRange(of: needle)
  }
}
