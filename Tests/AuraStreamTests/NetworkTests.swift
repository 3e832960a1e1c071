import AuraStream
import Testing

@Suite struct IPAddressTests {
  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
    ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::0001", "2001:db8::1"),
    ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
    ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
    ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("::ffff:c000:201", "::ffff:192.0.2.1"),
    ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("fe80::1%eth0", "fe80::1%eth0"),
    ("0:0:0:0:0:0:0:0", "::"), ("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"),
  ])
  func textComesBackCanonical(_ text: String, _ canonical: String) {
    let address = IPAddress(text)
    #expect(address?.description == canonical)
    #expect(IPAddress(canonical) == address)
  }

  @Test(arguments: [
    "", ".", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.-4", "1.2.3.+4", "1.2.3.4%eth0",
    " 1.2.3.4", "1..2.3", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::",
    "::g", "1:2:3:4:5:6:7::8", "fe80::1%", "[::1]", "::1.2.3", "1.2.3.4::", "::+1", "localhost",
    "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7", "١.2.3.4",
  ])
  func anythingElseIsRefused(_ text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test func onlyFourOrSixteenBytes() {
    #expect(IPAddress(bytes: []) == nil)
    #expect(IPAddress(bytes: [1, 2, 3, 4, 5]) == nil)
    #expect(IPAddress(bytes: [10, 0, 0, 1])?.description == "10.0.0.1")
  }

  @Test func kinds() throws {
    let kinds: [(String, (IPAddress) -> Bool)] = [
      ("127.3.2.1", \.isLoopback), ("::1", \.isLoopback), ("::ffff:127.0.0.1", \.isLoopback),
      ("169.254.7.8", \.isLinkLocal), ("fe80::1", \.isLinkLocal), ("febf::1", \.isLinkLocal),
      ("224.0.0.251", \.isMulticast), ("ff02::fb", \.isMulticast), ("::", \.isUnspecified),
      ("0.0.0.0", \.isUnspecified),
    ]
    for (text, isOfKind) in kinds {
      #expect(isOfKind(try #require(IPAddress(text))), "\(text)")
    }
    for text in ["192.168.1.1", "fec0::1", "2001:db8::1", "128.0.0.1", "::2"] {
      let address = try #require(IPAddress(text))
      #expect(!kinds.contains { $0.1(address) }, "\(text)")
    }
    #expect(try #require(IPAddress("::1")).bracketed == "[::1]")
  }
}

@Suite struct IPNetworkTests {
  @Test(arguments: [
    ("192.168.1.0/24", "192.168.1.255", true), ("192.168.1.77/24", "192.168.2.0", false),
    ("10.0.0.0/9", "10.127.255.255", true), ("10.0.0.0/9", "10.128.0.0", false),
    ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1/31", "192.0.2.2", false),
    ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false),
    ("2001:db8::/61", "2001:db8:0:7::1", true), ("2001:db8::/61", "2001:db8:0:8::1", false),
    ("192.168.1.0/24", "::ffff:192.168.1.9", true), ("::/0", "192.168.1.9", false),
    ("::ffff:192.168.1.0/120", "192.168.1.9", true), ("::ffff:192.168.1.1", "192.168.1.2", false),
    ("::ffff:192.168.1.1", "::ffff:192.168.1.1", true), ("::ffff:0:0/95", "192.168.1.9", false),
  ])
  func contains(_ network: String, _ address: String, _ isIn: Bool) throws {
    let address = try #require(IPAddress(address))
    #expect(try #require(IPNetwork(network)).contains(address) == isIn)
  }

  @Test(arguments: [
    "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "::/129", "host/24", "10.0.0.0/24/8",
  ])
  func nonsenseIsRefused(_ text: String) {
    #expect(IPNetwork(text) == nil)
  }

  @Test func bitsBehindThePrefixAreZero() {
    #expect(IPNetwork("192.168.1.77/20")?.description == "192.168.0.0/20")
    #expect(IPNetwork("192.168.1.77/20") == IPNetwork("192.168.15.1/20"))
  }

  @Test func widerContainsNarrower() throws {
    let wide = try #require(IPNetwork("10.0.0.0/8"))
    let narrow = try #require(IPNetwork("10.1.0.0/16"))
    #expect(wide.contains(narrow) && !narrow.contains(wide) && wide.contains(wide))
  }
}

@Suite struct AttachedNetworksTests {
  @Test(arguments: [
    ("192.168.1.20", true), ("::ffff:192.168.1.20", true), ("192.168.2.20", false),
    ("2001:db8::5", true), ("2001:db8:1::5", false), ("127.9.9.9", true), ("::1", true),
    ("::ffff:127.0.0.1", true), ("169.254.1.1", true), ("fe80::9%wlan0", true),
    ("::ffff:8.8.8.8", false), ("8.8.8.8", false), ("::", false),
  ])
  func neighbours(_ text: String, _ isAttached: Bool) throws {
    let attached = AttachedNetworks(
      ["192.168.1.0/24", "2001:db8::/64"].compactMap { IPNetwork($0) })
    let address = try #require(IPAddress(text))
    #expect(attached.contains(address) == isAttached)
    #expect(attached.contains(bytes: address.bytes) == isAttached)
  }

  @Test func strangeByteCountsAreNotAttached() {
    #expect(!AttachedNetworks().contains(bytes: [127, 0, 0]))
    #expect(!AttachedNetworks().contains(bytes: []))
  }
}
