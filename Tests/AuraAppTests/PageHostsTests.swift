internal import AuraHost
internal import AuraStream
internal import AuraWeb
internal import Testing

@testable internal import AuraApp

@Suite struct PageHostsTests {
  private static func interface(_ name: String, _ addresses: [String]) throws -> NetworkInterface {
    NetworkInterface(
      name: name, isUp: true, isLoopback: false,
      addresses: try addresses.map {
        let address = try #require(IPAddress($0))
        return .init(address, network: IPNetwork(address, prefixLength: 24))
      })
  }

  private static func computer() throws -> NetworkInterfaces {
    NetworkInterfaces(
      interfaces: [
        try interface("docker0", ["172.17.0.1"]),
        try interface("eth0", ["192.0.2.2", "2001:db8::2"]),
        try interface("wlan0", ["198.51.100.3", "fe80::3%wlan0"]),
      ], defaultRouteNames: ["wlan0"])
  }

  private static func hosts(
    bind: [String] = [], address: String? = nil
  ) throws -> PageHosts {
    var settings = Settings()
    settings.bind = bind
    settings.address = address
    return PageHosts(settings, try computer())
  }

  @Test func theWayOutComesFirstAndInnerNetworksLast() throws {
    let hosts = try Self.hosts()
    #expect(hosts.list == ["198.51.100.3", "192.0.2.2", "[2001:db8::2]", "172.17.0.1"])
    #expect(
      hosts.addresses.map(\.description) == [
        "198.51.100.3", "192.0.2.2", "2001:db8::2", "172.17.0.1",
      ])
  }

  @Test func theChosenOneComesFirstAndOnce() throws {
    let hosts = try Self.hosts(address: "2001:db8::2")
    #expect(hosts.list == ["[2001:db8::2]", "198.51.100.3", "192.0.2.2", "172.17.0.1"])
    #expect(hosts.addresses.first?.description == "2001:db8::2")
  }

  @Test func aNameOrAStrangersAddressMayBeChosen() throws {
    #expect(try Self.hosts(address: "film.local").list.prefix(2) == ["film.local", "198.51.100.3"])
    #expect(try Self.hosts(address: "film.local").addresses.count == 4)
    #expect(try Self.hosts(address: "203.0.113.1").list.first == "203.0.113.1")
  }

  @Test func onlyWhatIsBoundIsNamed() throws {
    #expect(try Self.hosts(bind: ["192.0.2.2"]).list == ["192.0.2.2"])
    #expect(try Self.hosts(bind: ["::"]).list == ["[2001:db8::2]"])
  }

  /// Read back from the characters: what a camera sees is the code and four light modules around it.
  @Test func theTerminalShowsTheCode() throws {
    let code = try #require(QRCode("http://198.51.100.3:8080/"))
    let rows = TerminalCode.rows(of: code).map { row in
      row.replacing(/\u{1B}\[[0-9;]*m/, with: "")
    }
    let edge = TerminalCode.columns(of: code)
    #expect(rows.count == (edge + 1) / 2)
    for (index, row) in rows.enumerated() {
      #expect(row.count == edge)
      for (column, character) in row.enumerated() {
        let (x, y) = (column - QRCode.quietZone, 2 * index - QRCode.quietZone)
        #expect(code.isDark(column: x, row: y) == (character == "█" || character == "▀"))
        #expect(code.isDark(column: x, row: y + 1) == (character == "█" || character == "▄"))
      }
    }
  }
}
