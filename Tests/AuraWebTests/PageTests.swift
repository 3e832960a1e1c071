import AuraWeb
import Foundation
import Testing

@testable import AuraWeb

@Suite struct PageTests {
  @Test func thePageIsWholeAndStrict() async throws {
    try await withService { service in
      let page = try await TestRequest().answer(service)
      #expect(page.status == 200)
      #expect(page.fields["content-type"] == "text/html; charset=utf-8")
      let policy = page.fields["content-security-policy"] ?? ""
      #expect(policy.contains("default-src 'none'"))
      #expect(policy.contains("frame-ancestors 'none'"))
      #expect(!policy.contains("unsafe"))
      #expect(!page.body.contains("style=") && !page.body.contains("onclick"))
      #expect(!page.body.contains("<style") && !page.body.contains("http"))
    }
  }

  @Test func whatThePageNamesIsThere() async throws {
    try await withService { service in
      var names: Set<String> = []
      for path in ["/", "/join"] {
        names.formUnion(Self.named(by: try await TestRequest(target: path).answer(service).body))
      }
      names.remove("qr.svg")  // no file
      // Fetched by who opens the panel, by who is late, and by who hears it louder.
      names.formUnion(["headphones.js", "headphones.css", "late.js", "fine.js"])
      #expect(Set(names.map { "/\($0)" }) == Set(Page.files.keys))
      for name in names {
        let answer = try await TestRequest(target: "/\(name)?x").answer(service)
        #expect(answer.status == 200)
        let types = [
          "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml",
          "flac": "audio/flac",
        ]
        let ending = try #require(name.split(separator: ".").last)
        let type = try #require(types[String(ending)])
        #expect(answer.fields["content-type"]?.hasPrefix(type) == true)
        #expect(answer.fields["x-content-type-options"] == "nosniff")
        #expect(answer.fields["cross-origin-resource-policy"] == "same-origin")
      }
    }
  }

  /// A crowd fetches it at once, over the same wireless network.
  @Test func thePageWeighsUnder100KB() throws {
    let index = try #require(Page.file("/")).body
    let weight = try Self.named(by: String(decoding: index, as: UTF8.self))
      .reduce(index.count) { $0 + (try #require(Page.files["/\($1)"])).bytes.count }
    #expect(weight < 100_000)
  }

  /// Whose comments are for who reads the source; all else is as it is there.
  @Test func noScriptHasLinesOfComment() {
    func code(_ bytes: [UInt8]) -> [Substring] {
      String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        .filter { !$0.drop { $0 == " " }.hasPrefix("//") }
    }
    for (path, source) in [
      ("/film.js", PackageResources.film_js), ("/words.js", PackageResources.words_js),
      ("/headphones.js", PackageResources.headphones_js),
    ] {
      let served = Page.files[path]?.bytes ?? []
      #expect(String(decoding: served, as: UTF8.self).split(separator: "\n") == code(source))
    }
  }

  /// Everything there is, in every language, the headphones' panel and the big screen with it.
  @Test func allOfItWeighsUnder100KBOnItsWay() throws {
    let documents = try ["/", "/join"].map { path in
      try #require(path == "/" ? Page.file(path)?.body.count : PackageResources.join_html.count)
    }
    let weight = Page.files.reduce(documents.reduce(0, +)) {
      $0 + (Page.compressed[$1.key] ?? $1.value.bytes).count
    }
    #expect(weight < 100_000)
  }

  @Test(arguments: [
    ("gzip", true), ("deflate, GZIP ;q=0.5", true), ("gzip;q=0", false), ("gzip; q=0.000", false),
    ("gzip;q=0.001", true), ("identity, br", false), ("xgzip", false), ("", false),
  ])
  func whoTakesItCompressedGetsItSo(accepted: String, isCompressed: Bool) async throws {
    try await withService { service in
      let request = TestRequest(method: "HEAD", target: "/words.js")
        .with("Accept-Encoding", accepted)
      let answer = try await request.answer(service)
      let expected = isCompressed ? Page.compressed["/words.js"] : Page.files["/words.js"]?.bytes
      #expect(answer.fields["content-length"] == "\(try #require(expected).count)")
      #expect(answer.fields["content-encoding"] == (isCompressed ? "gzip" : nil))
      #expect(answer.fields["vary"] == "Accept-Encoding, Origin")
    }
  }

  @Test func whatDoesNotShrinkStaysAsItIs() {
    #expect(Gzip.compressed([]) == nil && Gzip.compressed([1, 2, 3]) == nil)
    #expect(Gzip.compressed([UInt8](repeating: 7, count: 1_000)).map { $0.count < 50 } == true)
  }

  @Test(
    arguments: [
      "/words.js": "var WORDS = ", "/headphone_words.js": "var HEADPHONE_WORDS = ",
      "/late.js": "var LATE_WORDS = ",
    ])
  func everyLanguageHasEveryWord(path: String, begin: String) throws {
    let script = try #require(Page.files[path]).bytes
    let start = try #require(script.firstRange(of: Array(begin.utf8)))
    let end = try #require(script.lastIndex(of: UInt8(ascii: "}")))
    let table = try JSONDecoder().decode(
      [String: [String: String]].self, from: Data(script[start.upperBound...end]))
    #expect(table.count == 14)
    let english = try #require(table["en"])
    for (language, words) in table {
      #expect(Set(words.keys) == Set(english.keys), "\(language)")
      for (key, text) in words {
        #expect(!text.isEmpty && !text.contains("<"), "\(language) \(key)")
        #expect(Self.holes(text) == Self.holes(english[key] ?? ""), "\(language) \(key)")
      }
    }
    let page = String(decoding: try #require(Page.file("/")).body, as: UTF8.self)
    guard path == "/words.js" else { return }
    for match in page.matches(of: /data-say="(\w+)"/) {
      #expect(english[String(match.1)] != nil, "\(match.1)")
    }
  }

  private static func named(by page: String) -> Set<String> {
    Set(page.matches(of: /(?:src|href)="([^"]+)"/).map { String($0.1) })
  }

  private static func holes(_ text: String) -> [String] {
    text.matches(of: /\{(\w+)\}/).map { String($0.1) }.sorted()
  }

  @Test func aHeadIsTheSameWithoutTheBody() async throws {
    try await withService { service in
      let page = try await TestRequest().answer(service)
      let head = try await TestRequest(method: "HEAD").answer(service)
      #expect(head.status == 200)
      #expect(head.fields["content-length"] == page.fields["content-length"])
      #expect(head.body.isEmpty)
      let endpoint = try await TestRequest(method: "HEAD", target: "/whep/main").answer(service)
      #expect(endpoint.status == 204)
      #expect(endpoint.fields["content-length"] == nil)
    }
  }

  @Test func theStatusIsJSON() async throws {
    try await withService { service in
      let answer = try await TestRequest(target: "/api/status").answer(service)
      #expect(answer.fields["content-type"] == "application/json")
      #expect(answer.fields["cache-control"] == "no-store")
      #expect(
        answer.body
          == #"{"address":"http://127.0.0.1/","broadcasts":[{"slug":"main","name":"The \"bar\"","#
          + #""source":"what this computer plays","live":true,"listeners":3,"whep":"/whep/main","#
          + #""mode":"live","delay_ms":null}],"#
          + #""listeners":[{"broadcast":"main","transport":"webrtc","codec":null,"delay_ms":23.4,"parts_ms":null,"loss":0.25,"#
          + #""jitter_ms":null,"round_trip_ms":null,"since":1700000000}]}"#)
    }
  }

  @Test func theMetricsAreText() async throws {
    try await withService { service in
      try await TestRequest(target: "/nothing").expect(404, of: service)
      let answer = try await TestRequest(target: "/metrics").answer(service)
      #expect(answer.fields["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
      #expect(
        answer.body.hasPrefix(
          """
          # HELP auralync_listeners Who hears.
          # TYPE auralync_listeners gauge
          auralync_listeners{transport="webrtc"} 3
          auralync_listeners{transport="tcp"} 0
          # HELP auralync_send_delay_seconds How old.
          # TYPE auralync_send_delay_seconds gauge
          auralync_send_delay_seconds 0.0125

          """))
      #expect(answer.body.contains("\nauralync_http_answers_total{status=\"404\"} 1\n"))
      #expect(answer.body.contains("\nauralync_http_closed_total{reason=\"malformed\"} 0\n"))
      let client = try await RawClient(port: service.port)
      client.send("this is no HTTP\r\n\r\n")
      _ = await client.answer()
      // One that begins well.
      let second = try await RawClient(port: service.port)
      second.send(
        "POST /whep/main HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/sdp\r\n"
          + "Transfer-Encoding: chunked\r\n\r\nzz\r\n")
      _ = await second.answer()
      let later = try await TestRequest(target: "/metrics").answer(service)
      #expect(later.body.contains("\nauralync_http_closed_total{reason=\"malformed\"} 2\n"))
    }
  }

  @Test func theClockIsJSON() async throws {
    try await withService { service in
      let answer = try await TestRequest(target: "/api/clock/main").answer(service)
      #expect(
        answer.body
          == #"{"now_ms":5000.0,"rtp":4294967295,"at_ms":4999.9905,"frames_per_ms":48.0625,"#
          + #""mode":"live","delay_ms":null,"#
          + #""plan":{"number":3,"mode":"film","rtp":7,"first_ms":250.0,"last_ms":300.0}}"#)
      try await TestRequest(target: "/api/clock/other").expect(404, of: service)
      try await TestRequest(method: "POST", target: "/api/clock/main").expect(405, of: service)
    }
  }

  @Test func levelsAreJSON() async throws {
    try await withService { service in
      let answer = try await TestRequest(target: "/api/levels/main?rtp=4294967295&ms=500")
        .answer(service)
      #expect(answer.body == #"{"rtp":4,"levels":[192,192,192]}"#)
      for query in ["", "?rtp=1", "?ms=5", "?rtp=-1&ms=5", "?rtp=1&ms=0", "?rtp=1&ms=2001"] {
        try await TestRequest(target: "/api/levels/main\(query)").expect(400, of: service)
      }
      try await TestRequest(target: "/api/levels/other?rtp=1&ms=5").expect(404, of: service)
      try await TestRequest(method: "POST", target: "/api/levels/main?rtp=1&ms=5")
        .expect(405, of: service)
    }
  }

  @Test func textIsEscaped() {
    #expect(JSONText.string("a\"\\\n\u{1}é").text == #""a\"\\\u000a\u0001é""#)
    #expect(JSONText.number(.nan).text == "null")
  }
}
