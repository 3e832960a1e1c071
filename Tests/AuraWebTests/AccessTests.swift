import AuraStream
import AuraWeb
import HTTPTypes
import Testing

@testable import AuraWeb

@Suite struct AccessTests {
  // MARK: Over the wire

  @Test(arguments: [
    "127.0.0.1", "127.0.0.1:8080", "[::1]:8080", "192.0.2.7", "localhost", "LocalHost:1",
    "bar.example", "bar", "BAR.local.", "bar.local:8080", "radio.example.org",
  ])
  func ourNamesAreAnswered(host: String) async throws {
    try await withService(change: { $0.allowedHosts = ["Radio.example.org"] }) { service in
      var request = TestRequest(target: "/healthz")
      request.host = host
      try await request.expect(200, of: service)
    }
  }

  @Test(arguments: [
    ("evil.example", 421), ("localhost.evil.example", 421), ("127.0.0.1.evil.example", 421),
    ("bar.example.evil.example", 421), ("foo.local", 421), ("1.2.3", 421), ("", 400),
    ("a b", 400), ("user@localhost", 400), ("localhost:99999", 400), ("[::1", 400),
    ("bär.local", 400),
  ])
  func otherNamesAreNot(host: String, status: Int) async throws {
    try await withService { service in
      for target in ["/", "/api/status", "/whep/main"] {
        var request = TestRequest(target: target)
        request.host = host
        let answer = try await request.answer(service)
        #expect(answer.status == status)
        #expect(answer.body.hasSuffix(".\n"))
      }
    }
  }

  @Test func aHostIsNeededOnce() async throws {
    try await withService { service in
      var request = TestRequest(target: "/healthz")
      request.host = nil
      try await request.expect(400, of: service)
      request.host = "localhost"
      request = request.with("Host", "localhost")
      try await request.expect(400, of: service)
    }
  }

  @Test(arguments: ["http://127.0.0.1:8080", "https://127.0.0.1:8080"])
  func ourOwnPageMayJoin(origin: String) async throws {
    try await withService { service in
      var request = TestRequest.offer().with("Origin", origin)
      request.host = "127.0.0.1:8080"
      let answer = try await request.answer(service)
      #expect(answer.status == 201)
      #expect(answer.fields["access-control-allow-origin"] == nil)
    }
  }

  @Test(arguments: [
    "http://evil.example", "https://127.0.0.1", "http://127.0.0.1:8081", "http://127.0.0.2:8080",
    "null", "file://", "chrome-extension://abc", "http://127.0.0.1:8080.evil.example", "*",
  ])
  func pagesOfStrangersMayNot(origin: String) async throws {
    let handler = FakeHandler()
    try await withService(handler) { service in
      for method in ["POST", "OPTIONS", "GET"] {
        var request = TestRequest.offer().with("Origin", origin)
        request.method = method
        request.host = "127.0.0.1:8080"
        let answer = try await request.answer(service)
        #expect(answer.status == 403)
        #expect(answer.fields["access-control-allow-origin"] == nil)
        #expect(answer.body.contains("--allow-origin"))
      }
      #expect(handler.offers.isEmpty)
    }
  }

  @Test func anAllowedOriginMayJoinAndRead() async throws {
    let origin = "https://radio.example"
    try await withService(change: { $0.allowedOrigins = ["HTTPS://Radio.example:443/"] }) {
      service in
      // A path is no part of an origin, so that one allows nobody.
      let answer = try await TestRequest.offer().with("Origin", origin).answer(service)
      #expect(answer.status == 403)
    }
    try await withService(change: { $0.allowedOrigins = ["HTTPS://Radio.example:443"] }) {
      service in
      let preflight = TestRequest(method: "OPTIONS", target: "/whep/main")
        .with("Origin", origin).with("Access-Control-Request-Method", "POST")
        .with("Access-Control-Request-Private-Network", "true")
      let permission = try await preflight.answer(service)
      #expect(permission.status == 200)
      #expect(permission.fields["access-control-allow-origin"] == origin)
      #expect(permission.fields["access-control-allow-methods"]?.contains("POST") == true)
      #expect(permission.fields["access-control-allow-headers"]?.contains("Content-Type") == true)
      #expect(permission.fields["access-control-allow-private-network"] == "true")
      #expect(permission.fields["accept-post"] == "application/sdp")
      let answer = try await TestRequest.offer().with("Origin", origin).answer(service)
      #expect(answer.status == 201)
      #expect(answer.fields["access-control-allow-origin"] == origin)
      #expect(answer.fields["access-control-expose-headers"] == "Location, Retry-After")
      #expect(answer.fields["vary"] == "Origin")
    }
  }

  @Test func everyOriginCanBeAllowed() async throws {
    try await withService(change: { $0.allowedOrigins = ["*"] }) { service in
      let answer = try await TestRequest.offer().with("Origin", "null").answer(service)
      #expect(answer.status == 201)
      #expect(answer.fields["access-control-allow-origin"] == "null")
    }
  }

  @Test func sourcesBeyondOurNetworksAreRefused() async throws {
    let handler = FakeHandler()
    try await withService(handler, change: { $0.mayListen = { $0 != [127, 0, 0, 1] } }) { service in
      for request in [TestRequest(), TestRequest.offer(), TestRequest(target: "/api/status")] {
        let answer = try await request.answer(service)
        #expect(answer.status == 403)
        #expect(answer.body.contains("--public"))
      }
      #expect(handler.offers.isEmpty)
    }
  }

  // MARK: Parsers

  @Test func authorities() throws {
    #expect(WebAuthority("a.b:")?.port == nil)
    #expect(WebAuthority("a.b:0")?.port == 0)
    #expect(WebAuthority("A.B.")?.host == .name("a.b"))
    #expect(WebAuthority("[::ffff:1.2.3.4]:80")?.port == 80)
    #expect(WebAuthority("[1.2.3.4]") == nil)
    #expect(WebAuthority("::1") == nil)
    #expect(WebAuthority(".") == nil)
    #expect(WebAuthority(String(repeating: "a", count: 254)) == nil)
    #expect(WebAuthority("a\u{0}b") == nil)
    #expect(WebAuthority("a/b") == nil)
    #expect(WebAuthority("[fe80::1%Eth0]") == WebAuthority("[fe80::1%eth0]"))
    for zone in ["a b", "è", "a/b", "a\u{0}", ""] {
      #expect(WebAuthority("[fe80::1%\(zone)]") == nil, "\(zone)")
    }
  }

  @Test func origins() throws {
    #expect(WebOrigin("https://x") == WebOrigin("https://X:443"))
    #expect(WebOrigin("http://x") != WebOrigin("https://x"))
    #expect(WebOrigin("http://x:80") == WebOrigin("http://x"))
    let local = try #require(WebAuthority("[fe80::1%Eth0]"))
    #expect(WebOrigin("http://[fe80::1%Eth0]")?.isSame(as: local) == true)
    for text in ["null", "x", "http://", "ftp://x", "http://x/", "http://u@x", " http://x"] {
      #expect(WebOrigin(text) == nil, "\(text)")
    }
  }

  @Test func joinRate() throws {
    let start = ContinuousClock.now
    let address = try #require(IPAddress("192.0.2.1"))
    var rate = JoinRate(perSecond: 2, atOnce: 3)
    func taken(_ address: IPAddress, at time: Duration) -> Bool {
      rate.take(address, at: start + time)
    }
    let atOnce = (0..<4).map { _ in taken(address, at: .zero) }
    #expect(atOnce == [true, true, true, false])
    #expect(!taken(address, at: .milliseconds(490)))
    #expect(taken(address, at: .milliseconds(510)))
    #expect(!taken(address, at: .milliseconds(520)))
    let afterRest = (0..<4).map { _ in taken(address, at: .seconds(60)) }
    #expect(afterRest == [true, true, true, false])
    // A computer has a whole /64, and IPv4 inside IPv6 is IPv4.
    let first = try #require(IPAddress("2001:db8::1"))
    let second = try #require(IPAddress("2001:db8::2:1"))
    let other = try #require(IPAddress("2001:db8:0:1::1"))
    let ofNetwork = (0..<3).map { _ in taken(first, at: .seconds(61)) }
    #expect(ofNetwork == [true, true, true])
    #expect(!taken(second, at: .seconds(61)))
    #expect(taken(other, at: .seconds(61)))
    let mapped = try #require(IPAddress("::ffff:192.0.2.1"))
    #expect(!taken(mapped, at: .seconds(60)))
  }

  @Test func joinRateRemembersBoundedly() throws {
    let start = ContinuousClock.now
    var rate = JoinRate(perSecond: 1, atOnce: 1)
    let addresses = try (0..<(JoinRate.mostAddresses + 2)).map { index in
      try #require(IPAddress(bytes: [10, 0, UInt8(index >> 8), UInt8(index & 255)]))
    }
    let taken = addresses.map { rate.take($0, at: start) }
    #expect(taken.dropLast().allSatisfy { $0 })
    #expect(taken.last == false)
    let later = rate.take(addresses[addresses.count - 1], at: start + .seconds(2))
    #expect(later)
  }
}
