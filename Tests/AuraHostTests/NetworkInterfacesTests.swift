import AuraHost
import AuraStream
import Testing

@Suite struct NetworkInterfacesTests {
  private func interface(
    _ name: String, _ addresses: [String], isUp: Bool = true, isLoopback: Bool = false,
    passing: [String] = []
  ) throws -> NetworkInterface {
    let entries = try addresses.map { text in
      let parts = text.split(separator: "/")
      let address = try #require(IPAddress(parts[0]))
      return NetworkInterface.Address(
        address,
        network: IPNetwork(address, prefixLength: try #require(Int(parts[1]))),
        isPassing: passing.contains(text))
    }
    return NetworkInterface(name: name, isUp: isUp, isLoopback: isLoopback, addresses: entries)
  }

  private func laptop() throws -> NetworkInterfaces {
    NetworkInterfaces(
      interfaces: [
        try interface("lo", ["127.0.0.1/8", "::1/128"], isLoopback: true),
        try interface("docker0", ["172.17.0.1/16"]),
        try interface("tun0", ["10.8.0.6/24"]),
        try interface("eth1", ["10.1.0.5/24"]),
        try interface("eth2", ["10.2.0.5/24"], isUp: false),
        try interface(
          "wlan0",
          ["fe80::5%wlan0/64", "2001:db8::5/64", "2001:db8::7777/64", "192.168.1.5/24"],
          passing: ["2001:db8::7777/64"]),
      ], defaultRouteNames: ["tun0", "wlan0"])
  }

  @Test func whatAPhoneReachesComesFirst() throws {
    #expect(
      try laptop().usableAddresses.map(\.description) == [
        "192.168.1.5", "2001:db8::5", "10.1.0.5", "10.8.0.6", "172.17.0.1",
      ])
  }

  @Test func attachedNetworks() throws {
    let attached = try laptop().attached
    for (text, isAttached) in [
      ("192.168.1.77", true), ("2001:db8::abcd", true), ("172.17.0.9", true), ("10.2.0.9", false),
      ("192.168.2.1", false), ("127.0.0.1", true),
    ] {
      #expect(attached.contains(try #require(IPAddress(text))) == isAttached, "\(text)")
    }
  }

  @Test func loopbackOnlyWhenNothingElse() throws {
    let lonely = NetworkInterfaces(
      interfaces: [
        try interface("lo", ["127.0.0.1/8"], isLoopback: true),
        try interface("eth0", ["fe80::1%eth0/64"]),
      ], defaultRouteNames: [])
    #expect(lonely.usableAddresses.map(\.description) == ["127.0.0.1"])
    let cable = NetworkInterfaces(
      interfaces: [try interface("eth0", ["169.254.3.4/16", "192.0.2.1/24"])],
      defaultRouteNames: [])
    #expect(cable.usableAddresses.map(\.description) == ["192.0.2.1", "169.254.3.4"])
  }

  @Test func thisComputer() {
    let interfaces = NetworkInterfaces.current()
    let loopback = interfaces.interfaces.first { $0.isLoopback }
    #expect(loopback?.addresses.contains { $0.address.description == "127.0.0.1" } == true)
    #expect(loopback?.addresses.first?.network.description == "127.0.0.0/8")
    #expect(!interfaces.usableAddresses.contains { $0.isUnspecified })
    #expect(interfaces.usableAddresses.allSatisfy { interfaces.attached.contains($0) })
  }
}

@Suite struct RouteTableTests {
  private let ipv4 = """
    Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
    wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
    eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
    eth3\t00000000\t0102A8C0\t0002\t0\t0\t1\t00000000\t0\t0\t0
    wlan0\t0001A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0
    broken line
    """
  private let ipv6 = """
    20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
    fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0
    20010db8000100000000000000000000 40 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000100 00000002 00000000 00000003     eth0
    20010db8000000000000000000000005 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001     eth0
    00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000002 00000000 00000003     usb0
    00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
    ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000003 00000000 00000001     eth0
    """

  @Test func routes() {
    let table = RouteTable(ipv4: ipv4, ipv6: ipv6)
    #expect(table.defaultRouteNames == ["eth0", "wlan0", "usb0"])
    #expect(table.onLinkNetworks.map(\.description) == ["2001:db8::/64"])
    #expect(RouteTable(ipv4: "", ipv6: "").defaultRouteNames == [])
  }

  @Test func passingAddresses() {
    let table = """
      20010db8000000000000000000000005 02 40 00 80     eth0
      20010db8000000000000000000000006 02 40 00 01     eth0
      20010db8000000000000000000000007 02 40 00 a0     eth0
      20010db8000000000000000000000008 02 40 00 c0     eth0
      00000000000000000000000000000001 01 80 10 80       lo
      """
    #expect(
      RouteTable.passingAddresses(table).map(\.description).sorted()
        == ["2001:db8::6", "2001:db8::7", "2001:db8::8"])
  }
}
