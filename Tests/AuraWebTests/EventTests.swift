import AuraWeb
import Testing

@Suite struct EventTests {
  private let request = TestRequest(target: "/api/events")

  private func quick(_ configuration: inout HTTPService.Configuration) {
    configuration.limits.eventInterval = .milliseconds(5)
    configuration.limits.eventHeartbeat = .seconds(3600)
    // The idle limit is for those who ask nothing.
    configuration.limits.idleTime = .seconds(4)
    configuration.limits.writeTime = .seconds(4)
  }

  private static func heartbeats(_ text: String) -> Int { text.matches(of: /:\n\n/).count }

  /// Follows, and waits for the first event.
  private func follower(_ service: HTTPService) async throws -> RawClient {
    let client = try await RawClient(port: service.port, sending: request.text)
    let first = await client.wait { $0.text.contains("data: {") }
    #expect(first.text.hasPrefix("HTTP/1.1 200 "))
    return client
  }

  @Test func theStatusComesAtOnceAndWhenItChanges() async throws {
    let handler = FakeHandler()
    try await withService(handler, change: quick) { service in
      let client = try await follower(service)
      let first = await client.wait { $0.text.contains("}\n\n") }.text
      #expect(first.lowercased().contains("content-type: text/event-stream\r\n"))
      #expect(!first.lowercased().contains("content-length"))
      let whole = try await TestRequest(target: "/api/status").answer(service).body
      #expect(first.contains("data: \(whole)\n\n"))
      handler.set(listeners: 4)
      _ = await client.wait { $0.text.contains("\"listeners\":4,") }
      handler.set(listeners: 4, name: "Film")
      let all = await client.wait { $0.text.contains("\"name\":\"Film\"") }.text
      #expect(all.matches(of: /data:\ /).count == 3, "what has not changed is not said again")
    }
  }

  @Test func silenceIsBrokenByAComment() async throws {
    try await withService(change: {
      quick(&$0)
      $0.limits.eventHeartbeat = .milliseconds(20)
    }) { service in
      let client = try await follower(service)
      let received = await client.wait { Self.heartbeats($0.text) >= 250 }
      #expect(Self.heartbeats(received.text) >= 250)
      #expect(!received.isClosed, "250 times 20 ms are more than the idle limit")
      #expect(received.text.matches(of: /data:\ /).count == 1)
    }
  }

  @Test func theyAreBoundedAndAPlaceIsFreeAgain() async throws {
    try await withService(change: {
      quick(&$0)
      $0.limits.eventStreams = 2
    }) { service in
      let clients = [try await follower(service), try await follower(service)]
      let refusal = try await request.answer(service)
      #expect(refusal.status == 503)
      #expect(refusal.fields["retry-after"] == "10")
      for method in ["HEAD", "OPTIONS", "POST"] {
        let answer = try await TestRequest(method: method, target: "/api/events").answer(service)
        #expect(answer.status == (method == "POST" ? 405 : 200))
      }
      // Nothing is sent here: that the client has left is seen at once.
      clients[0].close()
      var status = 503
      let deadline = ContinuousClock.now + .seconds(60)
      while status == 503, ContinuousClock.now < deadline {
        let client = try await RawClient(port: service.port, sending: request.text)
        let text = await client.wait { $0.text.contains("\r\n\r\n") }.text
        status = text.hasPrefix("HTTP/1.1 200 ") ? 200 : 503
        client.close()
      }
      #expect(status == 200)
      let metrics = try await TestRequest(target: "/metrics").answer(service).body
      #expect(metrics.contains("# TYPE auralync_http_event_streams gauge\n"))
    }
  }

  @Test func anAddressHasOnlyItsShare() async throws {
    try await withService(change: {
      quick(&$0)
      $0.addresses = ["127.0.0.1", "::1"]
      $0.limits.eventStreamsPerAddress = 1
    }) { service in
      let client = try await follower(service)
      #expect(try await request.answer(service).status == 503)
      let other = try await RawClient(port: service.port, host: "::1", sending: request.text)
      #expect(await other.wait { $0.text.contains("data: {") }.text.hasPrefix("HTTP/1.1 200 "))
      client.close()
    }
  }

  @Test func whoeverTakesNothingIsDropped() async throws {
    let handler = FakeHandler()
    try await withService(handler, change: quick) { service in
      _ = try await RawClient(port: service.port, reads: false, sending: request.text)
      let long = String(repeating: "long ", count: 50_000)
      var turn = 0
      let deadline = ContinuousClock.now + .seconds(60)
      repeat {
        turn += 1
        handler.set(listeners: turn, name: long)
        try await Task.sleep(for: .milliseconds(5))
      } while service.connections > 0 && ContinuousClock.now < deadline
      #expect(service.connections == 0)
    }
  }

  @Test func theEndIsCleanAndQuick() async throws {
    try await withService(change: {
      quick(&$0)
      $0.limits.eventInterval = .seconds(3600)
    }) { service in
      let client = try await follower(service)
      let start = ContinuousClock.now
      await service.stop()
      let took = ContinuousClock.now - start
      #expect(took < .seconds(20))
      let received = await client.wait { $0.isClosed }
      #expect(received.isClosed)
      // A machine that is too busy for the grace closes what has not ended.
      if took < .milliseconds(250) {
        #expect(received.text.hasSuffix("\r\n0\r\n\r\n"), "the last chunk says that it is all")
      }
    }
  }
}
