import AuraWeb
import Glibc
import Testing

/// Requests that nobody should send; the server must answer 4xx or close, and live.
@Suite struct MalformedTests {
  /// What is sent, and what it is called.
  struct Case: CustomTestStringConvertible {
    var testDescription: String
    var text: String

    init(_ name: String, _ text: String) {
      testDescription = name
      self.text = text
    }
  }

  private static let host = "Host: localhost\r\n"
  private static let long = String(repeating: "x", count: 100_000)

  static let cases = [
    Case("zeros", "\u{0}\u{0}\u{0}\u{0}"),
    Case("no target", "GET\r\n\r\n"), Case("strange version", "GET / HTTP/9.9\r\n\r\n"),
    Case("space in a name", "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n"),
    Case("no colon", "GET / HTTP/1.1\r\nHost: a\r\nb\r\n\r\n"),
    Case("negative length", "GET / HTTP/1.1\r\n\(host)Content-Length: -1\r\n\r\n"),
    Case(
      "two lengths",
      "POST /whep/main HTTP/1.1\r\n\(host)Content-Length: 3\r\n"
        + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    Case(
      "bad chunk",
      "POST /whep/main HTTP/1.1\r\n\(host)Content-Type: application/sdp\r\n"
        + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    Case("long field", "GET / HTTP/1.1\r\n\(host)X: \(long)\r\n\r\n"),
    Case("many fields", "GET / HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 5000) + "\r\n"),
    Case("long target", "GET /\(long) HTTP/1.1\r\n\(host)\r\n"),
    Case("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    Case("proxy", "CONNECT localhost:22 HTTP/1.1\r\n\(host)\r\n"),
    Case("no path", "OPTIONS * HTTP/1.1\r\n\(host)\r\n"),
    Case("trace", "TRACE / HTTP/1.1\r\n\(host)\r\n"),
    Case("strange method", "BREW / HTTP/1.1\r\n\(host)\r\n"),
    Case("TLS", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}"),
  ]

  @Test(arguments: cases)
  func isRefused(malformed: Case) async throws {
    try await withService { service in
      let client = try await RawClient(port: service.port)
      client.send(malformed.text)
      let received = await client.wait { Answer($0.text) != nil || $0.isClosed }
      let status = Answer(received.text)?.status
      #expect(
        status.map { (400..<500).contains($0) } ?? received.isClosed, "\(received.text.prefix(200))"
      )
      try await TestRequest(target: "/healthz").expect(200, of: service)
    }
  }

  /// Mutations of good requests: bytes changed, cut out, doubled, split at random places.
  @Test func mutationsDoNoHarm() async throws {
    let count = Int(environment("AURALYNC_FUZZ_REQUESTS") ?? "") ?? 500
    var random = SplitMix(seed: 0x41_55_52_41)
    try await withService(change: {
      $0.limits.joinsPerSecond = 1e9
      $0.limits.joinsAtOnce = 1_000_000_000
      $0.limits.connectionsPerAddress = 1000
    }) { service in
      let models = [
        TestRequest.offer(), TestRequest(target: "/api/status").with("Origin", "http://127.0.0.1"),
        TestRequest(method: "DELETE", target: "/whep/main/listener-1"),
        TestRequest(method: "OPTIONS", target: "/whep/main"),
      ].map { Array($0.text.utf8) }
      var done = 0
      while done < count {
        // Many on one connection: what follows a wrong one is read too, or closed.
        let client = try await RawClient(port: service.port)
        for _ in 0..<min(20, count - done) {
          let model = models[Int(random.next() % UInt64(models.count))]
          let bytes = mutated(model, &random)
          let cut = bytes.isEmpty ? 0 : Int(random.next() % UInt64(bytes.count))
          client.send(Array(bytes[..<cut]))
          client.send(Array(bytes[cut...]))
          done += 1
        }
        _ = await client.wait(.milliseconds(20)) { !$0.bytes.isEmpty || $0.isClosed }
        if done % 1000 == 0 {
          try await TestRequest(target: "/healthz").expect(200, of: service)
        }
        client.close()
      }
      try await TestRequest(target: "/healthz").expect(200, of: service)
    }
  }

  private func mutated(_ model: [UInt8], _ random: inout SplitMix) -> [UInt8] {
    var bytes = model
    for _ in 0...(random.next() % 4) where !bytes.isEmpty {
      let place = Int(random.next() % UInt64(bytes.count))
      switch random.next() % 4 {
      case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
      case 1: bytes.removeSubrange(place..<min(bytes.count, place + Int(random.next() % 8)))
      case 2: bytes.insert(contentsOf: bytes[place...].prefix(Int(random.next() % 40)), at: place)
      default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
      }
    }
    return bytes
  }
}

/// A small seeded generator (SplitMix64).
struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}

private func environment(_ name: String) -> String? {
  unsafe getenv(name).map { unsafe String(cString: $0) }
}
