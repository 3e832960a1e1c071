import AuraStream
import AuraWeb
import Testing

@Suite struct JoiningTests {
  @Test func anOfferIsAnswered() async throws {
    let handler = FakeHandler()
    try await withService(handler) { service in
      let request = TestRequest.offer("v=0\r\ns=-\r\n").with("Accept", "application/sdp")
      let answer = try await request.answer(service)
      #expect(answer.status == 201)
      #expect(answer.fields["location"] == "/whep/main/listener-1")
      #expect(answer.fields["content-type"] == "application/sdp")
      #expect(answer.body == FakeHandler.answer)
      #expect(
        handler.offers == [.init(sdp: "v=0\r\ns=-\r\n", broadcast: "main", from: "127.0.0.1")])
    }
  }

  @Test func aListenerSaysWhoKeepsItsPackets() async throws {
    let handler = FakeHandler()
    try await withService(handler) { service in
      let ends = [
        "", "?holds=false", "?holds=true", "?x", "?passing_ms=60", "?passing_ms=-1",
        "?passing_ms=99999999999999999999", "?passing_ms=",
      ]
      for end in ends {
        try await TestRequest.offer(to: "/whep/main" + end).expect(201, of: service)
      }
      #expect(
        handler.offers.map(\.keeping) == [
          .unknown, .server, .listener, .unknown, .listenerFromStart(passing: .milliseconds(60)),
          .unknown, .unknown, .unknown,
        ])
    }
  }

  @Test func anOfferMayComeInChunksWithAnyParameters() async throws {
    try await withService { service in
      let client = try await RawClient(port: service.port)
      client.send(
        "POST /whep/main HTTP/1.1\r\nHost: localhost\r\nContent-Type: Application/SDP ; charset=utf-8\r\n"
          + "Transfer-Encoding: chunked\r\n\r\n3\r\nv=0\r\n")
      client.send("2\r\n\r\n\r\n0\r\n\r\n")
      #expect(await client.answer().status == 201)
    }
  }

  @Test func aListenerLeaves() async throws {
    try await withService { service in
      _ = try await TestRequest.offer().answer(service)
      let session = "/whep/main/listener-1"
      try await TestRequest(target: session).expect(204, of: service)
      #expect(
        try await TestRequest(method: "DELETE", target: session).answer(service).status == 200)
      #expect(
        try await TestRequest(method: "DELETE", target: session).answer(service).status == 404)
      try await TestRequest(target: session).expect(404, of: service)
    }
  }

  @Test func aListenerReports() async throws {
    let handler = FakeHandler()
    try await withService(handler) { service in
      _ = try await TestRequest.offer().answer(service)
      func report(_ body: String, type: String = "application/json", of id: String = "listener-1")
        async throws -> Int
      {
        let request = TestRequest(
          method: "POST", target: "/whep/main/\(id)", fields: [("Content-Type", type)], body: body)
        return try await request.answer(service).status
      }
      #expect(try await report(#"{"delay_ms":81.5,"loss":0.25,"concealed_ms":-1,"x":[]}"#) == 204)
      #expect(handler.reports == [ListenerReport(delay: .microseconds(81_500), loss: 0.25)])
      var parts = DelayParts()
      parts.capture = .milliseconds(5)
      let told = #"{"parts_ms":{"capture":5,"packet":-1,"network":null,"x":3}}"#
      #expect(try await report(told) == 204)
      #expect(handler.reports.last == ListenerReport(parts: parts))
      #expect(try await report(#"{"parts_ms":[1]}"#) == 400)
      #expect(try await report("{}", of: "listener-2") == 404)
      #expect(try await report("[1]") == 400)
      #expect(try await report(#"{"delay_ms":"soon"}"#) == 400)
      #expect(try await report("{}", type: "text/plain") == 415)
      #expect(try await report("{\(String(repeating: " ", count: 2047))}") == 413)
      #expect(handler.reports.count == 2)
    }
  }

  @Test(arguments: [
    (WHEPRefusal.notLive(retryAfter: .milliseconds(2500)), 409, "3" as String?),
    (.notLive(retryAfter: .zero), 409, "1"),
    (.busy(retryAfter: .seconds(4)), 503, "4"),
    (.full(reason: "All 8 places are taken."), 503, "10"),
    (.badOffer("The offer has no audio."), 400, nil as String?),
    (.unknownBroadcast, 404, nil as String?),
  ])
  func refusalsAreSentences(refusal: WHEPRefusal, status: Int, retryAfter: String?) async throws {
    try await withService(FakeHandler(refusing: refusal)) { service in
      let answer = try await TestRequest.offer().answer(service)
      #expect(answer.status == status)
      #expect(answer.fields["retry-after"] == retryAfter)
      #expect(answer.fields["content-type"] == "text/plain; charset=utf-8")
      #expect(answer.body.hasSuffix(".\n"))
    }
  }

  @Test(arguments: [
    (TestRequest(method: "POST", target: "/whep/main", body: "v=0"), 415),
    (
      TestRequest(
        method: "POST", target: "/whep/main", fields: [("Content-Type", "application/json")],
        body: "{}"), 415
    ),
    (TestRequest.offer().with("Content-Encoding", "gzip"), 415),
    (TestRequest.offer(""), 400),
    (TestRequest.offer(String(repeating: "a", count: 65_537)), 413),
    (TestRequest.offer(to: "/whep/"), 404),
    (TestRequest.offer(to: "/whep/no%20name"), 404),
    (TestRequest.offer(to: "/whep/a/b/c"), 404),
    (TestRequest.offer(to: "/whep/\(String(repeating: "a", count: 65))"), 404),
    (TestRequest(target: "/whep/other"), 404),
    (TestRequest(method: "PATCH", target: "/whep/main/listener-1", body: "a=x"), 405),
    (TestRequest(method: "PUT", target: "/whep/main", body: "a=x"), 405),
    (TestRequest(method: "DELETE", target: "/whep/main"), 405),
    (TestRequest(method: "POST", target: "/", body: "a=x"), 405),
    (TestRequest(target: "/nothing"), 404),
    (TestRequest(target: "/../etc/passwd"), 404),
    (TestRequest(method: "OPTIONS", target: "*"), 400),
  ])
  func whatIsWrongIsToldInASentence(request: TestRequest, status: Int) async throws {
    let handler = FakeHandler()
    try await withService(handler) { service in
      let answer = try await request.answer(service)
      #expect(answer.status == status)
      #expect(answer.body.hasSuffix(".\n") && answer.body.count > 20, "\(answer.body)")
      #expect(handler.offers.isEmpty)
    }
  }

  @Test func theLargestOfferFits() async throws {
    let handler = FakeHandler()
    try await withService(handler) { service in
      let offer = String(repeating: "a", count: 65_536)
      try await TestRequest.offer(offer).expect(201, of: service)
      #expect(handler.offers.first?.sdp == offer)
    }
  }

  @Test func anUnannouncedGiantIsRefusedToo() async throws {
    try await withService { service in
      let client = try await RawClient(port: service.port)
      client.send(
        "POST /whep/main HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\n"
          + "Transfer-Encoding: chunked\r\n\r\n")
      let chunk = "2000\r\n" + String(repeating: "a", count: 0x2000) + "\r\n"
      for _ in 0..<9 { client.send(chunk) }
      #expect(await client.answer().status == 413)
    }
  }

  @Test func bytesThatAreNoTextAreRefused() async throws {
    try await withService { service in
      let client = try await RawClient(port: service.port)
      client.send(
        "POST /whep/main HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\n"
          + "Content-Length: 2\r\n\r\n")
      client.send([0xc3, 0x28])
      #expect(await client.answer().status == 400)
    }
  }

  @Test func oneConnectionServesManyRequests() async throws {
    try await withService { service in
      let client = try await RawClient(port: service.port)
      client.send(
        TestRequest.offer().text + TestRequest(target: "/healthz").text
          + TestRequest(method: "DELETE", target: "/whep/main/listener-1").text)
      let received = await client.wait { $0.text.components(of: "HTTP/1.1 ") == 3 }
      #expect(received.text.components(of: "HTTP/1.1 201 Created") == 1)
      #expect(received.text.components(of: "HTTP/1.1 200 OK") == 2)
    }
  }

  @Test func attemptsAreCountedPerAddress() async throws {
    try await withService(change: {
      $0.limits.joinsAtOnce = 2
      $0.limits.joinsPerSecond = 0.001
    }) { service in
      try await TestRequest.offer().expect(201, of: service)
      try await TestRequest.offer().expect(201, of: service)
      let answer = try await TestRequest.offer().answer(service)
      #expect(answer.status == 429)
      #expect(answer.fields["retry-after"] == "1")
      try await TestRequest(target: "/healthz").expect(200, of: service)
    }
  }

  @Test func offersInHandAreBounded() async throws {
    try await withService(FakeHandler(hangs: true), change: { $0.limits.offersInHand = 1 }) {
      service in
      let client = try await RawClient(port: service.port)
      client.send(TestRequest.offer().text)
      // The first is in the handler's hands when the second one is turned away.
      var status = 0
      let deadline = ContinuousClock.now + .seconds(60)
      while status != 503, ContinuousClock.now < deadline {
        let second = try await RawClient(port: service.port)
        second.send(TestRequest.offer().text)
        let received = await second.wait(.milliseconds(200)) { Answer($0.text) != nil }
        status = Answer(received.text)?.status ?? 0
        second.close()
      }
      #expect(status == 503)
    }
  }
}

extension String {
  /// How often a text occurs.
  func components(of needle: String) -> Int { ranges(of: needle).count }
}

@Suite struct ModeTests {
  private func request(
    _ body: String, _ fields: (String, String)..., method: String = "POST"
  ) -> TestRequest {
    TestRequest(
      method: method, target: "/api/mode",
      fields: [("Content-Type", "application/json")] + fields, body: body)
  }

  @Test func theHostSaysWhenEveryoneHears() async throws {
    let handler = FakeHandler()
    try await withService(handler) { service in
      let answer = try await request(#"{"mode":"film","delay_ms":300}"#).answer(service)
      #expect(answer.status == 200)
      #expect(answer.body == #"{"mode":"film","delay_ms":250.0}"#)
      try await request(#"{"delay_ms":"auto"}"#).expect(200, of: service)
      try await request(#"{"delay_ms":"auto","cap_ms":500}"#).expect(200, of: service)
      try await request(#"{"mode":"live","x":1}"#).expect(200, of: service)
      #expect(
        handler.wishes == [
          PresentationWish(mode: .film, delay: .said(.milliseconds(300))),
          PresentationWish(delay: .automatic(cap: .seconds(1))),
          PresentationWish(delay: .automatic(cap: .milliseconds(500))),
          PresentationWish(mode: .live),
        ])
    }
  }

  @Test(arguments: [
    "", "[]", "{}", #"{"mode":"Film"}"#, #"{"mode":1}"#, #"{"delay_ms":49}"#,
    #"{"delay_ms":2001}"#, #"{"delay_ms":1e300}"#, #"{"delay_ms":"soon"}"#,
    #"{"delay_ms":"auto","cap_ms":5}"#, #"{"mode":"film","delay_ms":[]}"#,
  ])
  func whatIsNotUnderstoodChangesNothing(body: String) async throws {
    let handler = FakeHandler()
    try await withService(handler) { service in
      try await request(body).expect(400, of: service)
      #expect(handler.wishes.isEmpty)
    }
  }

  @Test func nobodyElseMay() async throws {
    let handler = FakeHandler()
    let change = { (configuration: inout HTTPService.Configuration) in
      configuration.allowedOrigins = ["*"]
    }
    try await withService(handler, change: change) { service in
      let body = #"{"mode":"film"}"#
      for field in [
        ("Origin", "https://elsewhere.example"), ("X-Forwarded-For", "192.0.2.9"),
        ("Forwarded", "for=192.0.2.9"), ("Via", "1.1 proxy"),
      ] {
        try await request(body, field).expect(403, of: service)
      }
      try await request(body, method: "PUT").expect(405, of: service)
      try await request(String(repeating: " ", count: 2_000)).expect(413, of: service)
      #expect(handler.wishes.isEmpty)
      try await request(body, ("Origin", "http://127.0.0.1")).expect(200, of: service)
    }
  }

  @Test func inFilmModeAReportIsAnswered() async throws {
    try await withService { service in
      _ = try await TestRequest.offer().answer(service)
      try await request(#"{"mode":"film"}"#).expect(200, of: service)
      let report = TestRequest(
        method: "POST", target: "/whep/main/listener-1",
        fields: [("Content-Type", "application/json")], body: #"{"needed_ms":290,"holds":true}"#)
      let answer = try await report.answer(service)
      #expect(answer.status == 200)
      #expect(answer.body == #"{"mode":"film","delay_ms":250.0,"late_ms":40.0}"#)
    }
  }
}
