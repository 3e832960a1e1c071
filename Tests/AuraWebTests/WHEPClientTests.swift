import AuraStream
import AuraWeb
import Synchronization
import Testing

@Suite struct WHEPClientTests {
  private func address(_ service: HTTPService, _ path: String = "/whep/main") -> WHEPAddress {
    WHEPAddress(host: "127.0.0.1", port: service.port, path: path)
  }

  @Test func anOfferIsAnsweredAndTheSessionEnded() async throws {
    let handler = FakeHandler()
    try await withService(handler) { service in
      let client = WHEPClient()
      let joined = try await client.join(address(service), offer: "v=0\r\n")
      #expect(joined.answer == FakeHandler.answer)
      #expect(joined.session == address(service, "/whep/main/listener-1"))
      #expect(handler.offers.map(\.sdp) == ["v=0\r\n"])
      #expect(handler.offers.map(\.from) == ["127.0.0.1"])
      let session = try #require(joined.session)
      #expect(await handler.isListening(id: "listener-1"))
      try await client.leave(session)
      #expect(await !handler.isListening(id: "listener-1"))
      // Gone already: content all the same.
      try await client.leave(session)
    }
  }

  @Test func aServerOfOursTellsItsBroadcastsAndIsToldTheDelay() async throws {
    let handler = FakeHandler()
    try await withService(handler) { service in
      let client = WHEPClient()
      let endpoints = try await client.endpoints(
        of: WHEPAddress(host: "127.0.0.1", port: service.port, path: "/"))
      #expect(endpoints.first == address(service))
      let joined = try await client.join(address(service), offer: "v=0\r\n")
      #expect(joined.isLocal)
      let session = try #require(joined.session)
      let report = ListenerReport(delay: .milliseconds(80), loss: 0.5)
      let late = try await client.tell(report, to: session)
      #expect(late == nil)
      #expect(handler.reports == [report])
      _ = await handler.present(PresentationWish(mode: .film))
      let lateInFilm = try await client.tell(report, to: session)
      #expect(lateInFilm == .milliseconds(40))
    }
  }

  @Test func theClockOfABroadcastIsAskedFor() async throws {
    try await withService(FakeHandler()) { service in
      let instants = Mutex([2, 1].map { HostTime(nanoseconds: $0 * 1_000_000) })
      let exchange = try await WHEPClient().clock(of: address(service, "/whep/main?a=/b")) {
        instants.withLock { $0.removeLast() }
      }
      let told = HostTime(nanoseconds: 5_000_000_000)
      #expect(
        exchange
          == ClockExchange(
            asked: HostTime(nanoseconds: 1_000_000), served: told, answered: told,
            received: HostTime(nanoseconds: 2_000_000)))
      let other = try await WHEPClient().clock(of: address(service, "/whep/other")) {
        HostTime(nanoseconds: 0)
      }
      #expect(other == nil)
    }
  }

  @Test func theSourceMayBeChosen() async throws {
    let handler = FakeHandler()
    try await withService(handler) { service in
      _ = try await WHEPClient().join(
        address(service), offer: "v=0\r\n", from: IPAddress("127.1.2.3"))
      #expect(handler.offers.map(\.from) == ["127.1.2.3"])
    }
  }

  @Test(
    arguments: [
      (WHEPRefusal.badOffer("Offer Opus."), 400, nil), (.notLive(retryAfter: .seconds(7)), 409, 7),
      (.busy(retryAfter: .seconds(2)), 503, 2),
    ] as [(WHEPRefusal, Int, Int?)])
  func aRefusalIsASentence(refusal: WHEPRefusal, status: Int, seconds: Int?) async throws {
    try await withService(FakeHandler(refusing: refusal)) { service in
      do {
        _ = try await WHEPClient().join(address(service), offer: "v=0\r\n")
        Issue.record("it was let in")
      } catch {
        switch error as? WHEPClientError {
        case .refused(status, _): #expect(seconds == nil)
        case .later(status, let told, _): #expect(told == seconds)
        default: Issue.record("\(error)")
        }
        #expect("\(error)".hasSuffix("."))
      }
    }
  }

  @Test func nobodyThere() async throws {
    // Which other tests are not given while they run.
    let gone = WHEPAddress(host: "127.0.0.1", port: 1, path: "/whep/main")
    await #expect(throws: WHEPClientError.unreachable(gone, "the connection was refused")) {
      _ = try await WHEPClient().join(gone, offer: "v=0\r\n")
    }
  }

  @Test func nobodyOfThatName() async throws {
    // A label that is too long: nobody is asked, which may take longer than anybody waits.
    let name = String(repeating: "a", count: 64) + ".invalid"
    let nowhere = WHEPAddress(host: name, port: 8080, path: "/whep/main")
    await #expect(throws: WHEPClientError.unknownName(name)) {
      _ = try await WHEPClient().join(nowhere, offer: "v=0\r\n")
    }
  }

  @Test(arguments: [
    ("http://a", "http://a/"), ("http://a:8080/whep/main", "http://a:8080/whep/main"),
    ("HTTP://[::1]:80/x?y=1#z", "http://[::1]/x?y=1"),
    ("http://192.0.2.1?q", "http://192.0.2.1/?q"), ("https://a", "https://a/"),
    ("HTTPS://a:443/x", "https://a/x"), ("https://a:80/", "https://a:80/"),
  ])
  func addressesAreRead(text: String, canonical: String) {
    #expect(WHEPAddress(text).map { "\($0)" } == canonical)
  }

  @Test(arguments: [
    "", "a", "https://", "http://", "http:///x", "http://user@a/", "http://a:0/", "http://a/ b",
    "ftp://a/", "http://a../",
  ])
  func whatIsNoAddressIsNone(text: String) {
    #expect(WHEPAddress(text) == nil)
  }
}
