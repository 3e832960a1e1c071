import Testing

@testable import AuraApp

struct ServerAddressTests {
  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1", 5555), ("192.0.2.1:80", "192.0.2.1", 80),
    ("film.local", "film.local", 5555), ("film.local:6000", "film.local", 6000),
    ("[2001:db8::1]:7000", "2001:db8::1", 7000), ("[::1]", "::1", 5555), ("::1", "::1", 5555),
    ("fe80::1%eth0", "fe80::1%eth0", 5555),
  ])
  func reads(text: String, host: String, port: Int) throws {
    let address = try ServerAddress(text, defaultPort: 5555)
    #expect(address.host == host)
    #expect(address.port == port)
  }

  @Test(arguments: [
    "", ":5555", "a:0", "a:65536", "a:x", "a:", "[::1", "[::1]5555", "[]:1", "http://a", "a b",
    "a:b:", "1::2::3",
  ])
  func refuses(text: String) {
    let error = #expect(throws: UserError.self) { try ServerAddress(text, defaultPort: 5555) }
    #expect(error?.exitCode == UserError.usage)
  }

  @Test func writesWhatItReads() throws {
    #expect(try ServerAddress("::1", defaultPort: 5).description == "[::1]:5")
    #expect(try ServerAddress("a:7", defaultPort: 5).description == "a:7")
  }
}
