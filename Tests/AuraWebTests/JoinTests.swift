import AuraWeb
import Testing

@testable import AuraWeb

@Suite struct JoinTests {
  @Test(arguments: [
    ("192.0.2.2", 80, "http://192.0.2.2/"), ("[2001:db8::1]", 8080, "http://[2001:db8::1]:8080/"),
    ("film.local", 8080, "http://film.local:8080/"),
  ])
  func theAddressIsShort(host: String, port: Int, url: String) {
    #expect(PageAddress(host: host, port: port).url == url)
  }

  @Test func codesNameTheAddressThatPhonesReach() async throws {
    try await withService(change: { $0.pageHost = { "192.0.2.7" } }) { service in
      let request = TestRequest(target: "/qr.svg", host: "localhost:\(service.port)")
      let svg = try await request.answer(service)
      #expect(svg.fields["content-type"] == "image/svg+xml")
      #expect(svg.body == QRCode("http://192.0.2.7:\(service.port)/")?.svg)
      let png = try await TestRequest(target: "/qr.png").answer(service)
      #expect(png.status == 200)
      #expect(png.fields["content-type"] == "image/png")
      let status = try await TestRequest(target: "/api/status", host: "localhost:81").answer(
        service)
      #expect(status.body.contains(#""address":"http://192.0.2.7:81/""#))
    }
  }

  /// Without a network of its own, it is found where it was found.
  @Test func withoutAnAddressTheOneAskedForIsNamed() async throws {
    try await withService { service in
      let request = TestRequest(target: "/api/status", host: "[::1]:8080")
      let status = try await request.answer(service)
      #expect(status.body.contains(#""address":"http://[::1]:8080/""#))
    }
  }

  @Test func theProjectorsPageIsStrict() async throws {
    try await withService { service in
      let page = try await TestRequest(target: "/join").answer(service)
      #expect(page.status == 200)
      #expect(page.fields["content-security-policy"]?.contains("default-src 'none'") == true)
      #expect(page.body.contains("qr.svg"))
      try await TestRequest(method: "POST", target: "/join").expect(405, of: service)
    }
  }
}
