import Testing

@testable import AuraWeb

@Suite struct WHEPReplyTests {
  private let address = WHEPAddress(host: "a", port: 8080, path: "/whep/main?x=/y")

  @Test(arguments: [
    ("/s/1", "http://a:8080/s/1"), ("1", "http://a:8080/whep/1"),
    ("?z", "http://a:8080/whep/main?z"),
    ("http://b/s", "http://b/s"), ("//b:1/s", "http://b:1/s"),
    // A fragment is not asked for, and not every colon ends a scheme.
    ("/s#f", "http://a:8080/s"), ("/s?back=http://c/", "http://a:8080/s?back=http://c/"),
    ("./s:1", "http://a:8080/whep/s:1"),
    // RFC 3986 section 5.2.4: dots are followed, but in a query they are letters.
    ("../s/1", "http://a:8080/s/1"), ("../../../s", "http://a:8080/s"), ("..", "http://a:8080/"),
    ("/x/./y/../1", "http://a:8080/x/1"), ("http://b/x/../s?z=/../y", "http://b/s?z=/../y"),
    ("//b/../s", "http://b/s"), ("s/..", "http://a:8080/whep/"),
    ("/.well-known/.../..s", "http://a:8080/.well-known/.../..s"),
    ("?z=/..", "http://a:8080/whep/main?z=/.."),
    ("/s//%2e/%zz/[1]", "http://a:8080/s//%2e/%zz/[1]"),
  ])
  func aLocationLeadsSomewhere(location: String, expected: String) {
    #expect(address.resolving(location)?.description == expected)
  }

  @Test(arguments: [
    "", "#f", "a b", "/\r\nHost: c", "/\u{e4}", "https://", "urn:x", "mailto:a@b", "//", "///s",
    "http:", "http://", "http:///s", "//a@b/", "http://a:0/",
  ])
  func aLocationLeadsNowhere(location: String) {
    #expect(address.resolving(location) == nil)
  }

  /// From plain HTTP to TLS, and never back; what lets us in goes to nobody else.
  @Test(
    arguments: [
      ("/s", "https://a/s", true), ("//b/s", "https://b/s", false),
      ("https://A:444/s", "https://a:444/s", false),
      ("http://a/s", nil, false), ("http://a:443/s", nil, false),
    ] as [(String, String?, Bool)])
  func aSecureServerLeads(location: String, expected: String?, keepsToken: Bool) throws {
    var address = try #require(WHEPAddress("https://a/whep"))
    address.token = "t"
    let next = address.resolving(location)
    #expect(next?.description == expected)
    #expect(next?.token == (keepsToken ? "t" : nil))
    #expect(address.replacing(path: "/api/status").token == "t")
    #expect(!address.description.contains("t@"))
    #expect(WHEPAddress(host: "a", port: 80, path: "/").resolving("https://a/s")?.isSecure == true)
  }

  @Test func anAnswerMeansWhatItsStatusSays() throws {
    let here = WHEPAddress(host: "a", port: 8080, path: "/1")
    #expect(
      try WHEPReply(status: 201, location: "/1", body: "").meaning(from: address)
        == .accepted(session: here))
    // Nothing to end the session with is no reason not to listen.
    for location in [nil, "", "ftp://a/1"] {
      let reply = WHEPReply(status: 201, location: location, body: "")
      #expect(try reply.meaning(from: address) == .accepted(session: nil))
    }
    #expect(
      try WHEPReply(status: 307, location: "/1", body: "").meaning(from: address)
        == .elsewhere(here))
    for location in [nil, "ftp://a/1", "//"] {
      #expect(throws: WHEPClientError.redirected(address)) {
        try WHEPReply(status: 302, location: location, body: "").meaning(from: address)
      }
    }
    for status in [0, 100, 204, 300, 304, 999] {
      #expect(throws: WHEPClientError.refused(status: status, "")) {
        try WHEPReply(status: status, location: "/1", body: "").meaning(from: address)
      }
    }
  }

  @Test(
    arguments: [
      ("7", 7), ("0", 1), ("-9", 1), ("99999", 3_600), ("soon", nil), ("", nil), ("1e3", nil),
      ("99999999999999999999", nil), ("Fri, 31 Dec 1999 23:59:59 GMT", nil),
    ] as [(String, Int?)])
  func aWaitIsBounded(field: String, seconds: Int?) {
    let error = WHEPReply(status: 503, retryAfter: field, body: "").refusal
    #expect(
      error == seconds.map { .later(status: 503, retryAfter: $0, "") } ?? .refused(status: 503, ""))
  }

  @Test func aServersOwnWordsCannotSteerATerminal() {
    let reply = WHEPReply(status: 400, body: "No\u{1b}[2J\u{9b}2J\u{7f}\r\n\r\nroom. \u{e4}")
    #expect(reply.refusal == .refused(status: 400, "No[2J2J room. \u{e4}"))
    #expect(WHEPReply(status: 404, body: "<h1>Gone</h1>").refusal == .refused(status: 404, ""))
    let long = WHEPReply(status: 400, body: String(repeating: "x", count: 10_000)).refusal
    #expect(long == .refused(status: 400, String(repeating: "x", count: 300)))
  }
}
