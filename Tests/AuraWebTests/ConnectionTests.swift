import AuraWeb
import Testing

@testable import AuraWeb

@Suite struct ConnectionTests {
  // MARK: Deadlines in virtual time

  private typealias Deadline = ConnectionDeadline<ContinuousClock.Instant>

  private let start = ContinuousClock.now
  private let limits = Deadline.Limits(
    request: .seconds(10), idle: .seconds(5), write: .seconds(20))

  private func after(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

  @Test func aHeadHasToCome() {
    let deadline = Deadline(limits, at: start)
    #expect(deadline.instant == after(5))
  }

  @Test func aSlowBodyEndsIt() {
    var deadline = Deadline(limits, at: start)
    deadline.headArrived(at: after(4))
    #expect(deadline.instant == after(14))
    deadline.requestEnded()
    #expect(deadline.instant == nil, "the answer is our turn")
  }

  @Test func whoeverTakesSomethingStays() {
    var deadline = Deadline(limits, at: start)
    deadline.headArrived(at: start)
    deadline.requestEnded()
    deadline.writeBegan(at: after(1))
    deadline.writeBegan(at: after(2))
    #expect(deadline.instant == after(21))
    deadline.writeEnded(at: after(19))
    #expect(deadline.instant == after(39))
    deadline.writeEnded(at: after(30))
    #expect(deadline.instant == nil)
    deadline.answerEnded(at: after(31))
    #expect(deadline.instant == after(36))
  }

  @Test func anEarlyAnswerDoesNotFreeTheBody() {
    var deadline = Deadline(limits, at: start)
    deadline.headArrived(at: start)
    deadline.writeBegan(at: start)
    deadline.answerEnded(at: start)
    deadline.writeEnded(at: after(1))
    #expect(deadline.instant == after(6))
    deadline.headArrived(at: after(2))
    #expect(deadline.instant == after(12))
  }

  // MARK: On the wire

  private func quick(_ configuration: inout HTTPService.Configuration) {
    configuration.limits.requestTime = .milliseconds(200)
    configuration.limits.idleTime = .milliseconds(200)
    configuration.limits.writeTime = .milliseconds(200)
  }

  @Test(arguments: [
    "", "GET / HT", "GET / HTTP/1.1\r\nHost: lo",
    "POST /whep/main HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\n"
      + "Content-Length: 100\r\n\r\nv=0",
  ])
  func whoeverStopsInTheMiddleIsClosed(beginning: String) async throws {
    try await withService(change: quick) { service in
      let client = try await RawClient(port: service.port)
      client.send(beginning)
      #expect(await client.wait { $0.isClosed }.isClosed)
    }
  }

  @Test func whoeverDripsIsClosed() async throws {
    try await withService(change: quick) { service in
      let client = try await RawClient(port: service.port)
      client.send(
        "POST /whep/main HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\n"
          + "Content-Length: 60000\r\n\r\n")
      var isClosed = false
      let deadline = ContinuousClock.now + .seconds(60)
      while !isClosed, ContinuousClock.now < deadline {
        client.send("a")
        isClosed = await client.wait(.milliseconds(20)) { $0.isClosed }.isClosed
      }
      #expect(isClosed)
    }
  }

  @Test func whoeverTakesNothingIsClosed() async throws {
    try await withService(change: quick) { service in
      let client = try await RawClient(port: service.port, reads: false)
      let request = TestRequest(target: "/listen.js").text
      for _ in 0..<2000 { client.send(request) }
      // It does not read, so only its place can tell.
      var left = 1
      let deadline = ContinuousClock.now + .seconds(60)
      while left > 0, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(10))
        left = service.connections
      }
      #expect(left == 0)
    }
  }

  @Test func anAddressHasOnlyItsShare() async throws {
    try await withService(change: { $0.limits.connectionsPerAddress = 3 }) { service in
      var clients: [RawClient] = []
      for _ in 0..<3 {
        let client = try await RawClient(port: service.port)
        client.send(TestRequest(target: "/healthz").text)
        #expect(await client.answer().status == 200)
        clients.append(client)
      }
      let further = try await RawClient(port: service.port)
      #expect(await further.wait { $0.isClosed }.isClosed)
      clients[0].close()
      var status = 0
      let deadline = ContinuousClock.now + .seconds(60)
      while status != 200, ContinuousClock.now < deadline {
        status = try await TestRequest(target: "/healthz").answer(service).status
      }
      #expect(status == 200)
    }
  }

  // MARK: Beginning and end

  @Test func bothFamiliesAreServed() async throws {
    try await withService(change: { $0.addresses = ["127.0.0.1", "::1"] }) { service in
      for host in ["127.0.0.1", "::1"] {
        let client = try await RawClient(port: service.port, host: host)
        client.send(TestRequest(target: "/healthz").text)
        #expect(await client.answer().body == "ok\n")
      }
    }
  }

  @Test func aTakenPortIsToldInASentence() async throws {
    try await withService { service in
      await #expect(throws: HTTPServiceError.self) {
        try await withService(change: { $0.port = service.port }) { _ in }
      }
    }
    let error = await #expect(throws: HTTPServiceError.self) {
      try await withService(change: { $0.addresses = ["here"] }) { _ in }
    }
    #expect(error?.description.contains("--bind") == true)
  }

  @Test func theEndMayComeTwice() async throws {
    try await withService { service in
      try await TestRequest(target: "/healthz").expect(200, of: service)
      await service.stop()
    }
  }

  @Test func theEndIsQuickWhoeverIsThere() async throws {
    let handler = FakeHandler(hangs: true)
    let service = try await withService(handler) { service in
      let idle = try await RawClient(port: service.port)
      let busy = try await RawClient(port: service.port)
      let deaf = try await RawClient(port: service.port, reads: false)
      busy.send(TestRequest.offer().text)
      for _ in 0..<500 { deaf.send(TestRequest(target: "/listen.js").text) }
      idle.send(TestRequest(target: "/healthz").text)
      #expect(await idle.answer().status == 200)
      let deadline = ContinuousClock.now + .seconds(60)
      while handler.offers.isEmpty, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(2))
      }
      #expect(handler.offers.count == 1)
      let start = ContinuousClock.now
      await service.stop()
      #expect(ContinuousClock.now - start < .seconds(20))
      #expect(await busy.wait { $0.isClosed }.isClosed)
      #expect(await idle.wait { $0.isClosed }.isClosed)
      return service
    }
    await #expect(throws: (any Error).self) { try await RawClient(port: service.port) }
  }
}
