import AuraHost
import AuraStream
import Testing

@Suite struct FirewallTests {
  private func probe(
    _ port: Int, _ transport: FirewallProbe.Transport = .tcp
  ) throws -> FirewallProbe {
    FirewallProbe(
      door: transport == .tcp ? .tcp(port) : .udp(port), interface: "veth0",
      network: try #require(IPNetwork("10.9.0.0/24")),
      ownAddress: try #require(IPAddress("10.9.0.1")))
  }

  private func nftables(_ json: String) -> FirewallFindings {
    var findings = FirewallFindings()
    findings.nftables = json
    return findings
  }

  private func iptables(_ text: String) -> FirewallFindings {
    var findings = FirewallFindings()
    findings.iptables = text
    return findings
  }

  private func blocked(_ findings: FirewallFindings, _ ports: [Int]) throws -> [Int] {
    try ports.filter { findings.warning(for: try probe($0)) != nil }
  }

  @Test func nftablesOfAWorkstation() throws {
    let findings = nftables(FirewallSamples.workstation)
    #expect(try blocked(findings, [22, 5555]) == [5555])
    #expect(
      findings.warning(for: try probe(5555))
        == "The firewall of this computer (nftables) keeps listeners out of TCP port 5555: let "
        + "them in with `sudo nft insert rule inet filter input tcp dport 5555 accept`.")
  }

  @Test func datagramsHaveRulesOfTheirOwn() throws {
    var ufw = FirewallFindings()
    ufw.iptables = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p udp -m udp --dport 5555 -j ACCEPT\n"
    #expect(ufw.warning(for: try probe(5555, .udp)) == nil)
    #expect(
      ufw.warning(for: try probe(5555))?.contains("-p tcp --dport 5555 -j ACCEPT`") == true)
    #expect(
      ufw.warning(for: try probe(5556, .udp))?.contains("-p udp --dport 5556 -j ACCEPT`") == true)
    // The workstation lets TCP port 22 in, and nothing else.
    let workstation = nftables(FirewallSamples.workstation)
    #expect(
      workstation.warning(for: try probe(22, .udp))?.contains("input udp dport 22 accept") == true)
  }

  @Test func nftablesWithMaps() throws {
    let ports = [22, 7050, 7777, 7778, 8005, 9000, 9001, 61_000, 5555]
    #expect(try blocked(nftables(FirewallSamples.maps), ports) == [7778, 9001, 5555])
  }

  @Test func nftablesWithTwoTables() throws {
    let ports = [6000, 6001, 6005, 6006, 6007] + Array(6008...6019)
    #expect(
      try blocked(nftables(FirewallSamples.twoTables), ports) == [6000, 6008, 6015, 6017, 6019])
  }

  @Test func ufwThroughIptables() throws {
    var findings = iptables(FirewallSamples.ufw)
    findings.ufwConfiguration = "# comment\nENABLED=yes\nLOGLEVEL=low\n"
    #expect(try blocked(findings, [22, 8005, 9000, 2222, 5555, 137, 445]) == [5555, 137, 445])
    #expect(
      findings.warning(for: try probe(5555))?.hasSuffix("with `sudo ufw allow 5555/tcp`.") == true)
  }

  /// The configuration may say yes while nothing is loaded: the kernel decides.
  @Test func ufwThatIsNotLoaded() throws {
    var findings = nftables(#"{"nftables": []}"#)
    findings.ufwConfiguration = "ENABLED=yes"
    findings.ufwDefaults = "DEFAULT_INPUT_POLICY=\"DROP\""
    findings.ufwRules = FirewallSamples.ufwUserRules
    #expect(try blocked(findings, [5555]) == [])
  }

  @Test func ufwFromItsFiles() throws {
    var findings = FirewallFindings()
    findings.ufwConfiguration = "ENABLED=yes"
    findings.ufwDefaults = "IPV6=yes\nDEFAULT_INPUT_POLICY=\"DROP\"\n"
    #expect(try blocked(findings, [5555]) == [], "its rules may not be readable")
    findings.ufwRules = FirewallSamples.ufwUserRules
    #expect(try blocked(findings, [22, 8005, 2222, 9000, 5555]) == [5555])
    findings.ufwDefaults = "DEFAULT_INPUT_POLICY=\"ACCEPT\"\n"
    #expect(try blocked(findings, [5555]) == [])
    findings.ufwDefaults = "DEFAULT_INPUT_POLICY=\"REJECT\"\n"
    findings.ufwConfiguration = "ENABLED=no"
    #expect(try blocked(findings, [5555]) == [])
  }

  @Test func iptablesByHand() throws {
    let ports = Array(5000...5009)
    let closed = [5001, 5006, 5008, 5009]
    #expect(try blocked(iptables(FirewallSamples.iptables), ports) == closed)
    var legacy = FirewallFindings()
    legacy.iptablesLegacy = FirewallSamples.iptables
    #expect(try blocked(legacy, ports) == closed)
    #expect(
      legacy.warning(for: try probe(5001))?
        .contains("`sudo iptables -I INPUT -p tcp --dport 5001 -j ACCEPT`") == true)
  }

  @Test(arguments: [
    // Only some senders, a rate, a set we do not see, a target we do not know: unsure.
    "-A INPUT -s 10.9.0.7/32 -p tcp -j ACCEPT", "-A INPUT -m limit --limit 3/min -j ACCEPT",
    "-A INPUT -m set --match-set friends src -j ACCEPT", "-A INPUT -p tcp -j NFQUEUE --queue-num 1",
    "-A INPUT -m owner --something new -j ACCEPT", "-A INPUT -j nowhere", "-A INPUT -j INPUT",
    // Surely in.
    "-A INPUT -j ACCEPT", "-A INPUT -p tcp -m tcp --dport 5000:6000 -j ACCEPT",
    "-A INPUT ! -i wlan0 -j ACCEPT", "-A INPUT ! -p udp -j ACCEPT",
    "-A INPUT -p tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT",
  ])
  func nobodyIsAlarmedWithoutNeed(_ rule: String) throws {
    #expect(try blocked(iptables("*filter\n:INPUT DROP [0:0]\n\(rule)\nCOMMIT\n"), [5555]) == [])
  }

  @Test(arguments: [
    "", "-A INPUT -i lo -j ACCEPT", "-A INPUT -s 192.168.0.0/16 -j ACCEPT",
    "-A INPUT -p udp -j ACCEPT",
    "-A INPUT -d 224.0.0.0/4 -j ACCEPT", "-A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT",
    "-A INPUT -m comment --comment \"-j ACCEPT\" -j LOG --log-prefix \"x -j ACCEPT\"",
    "-A INPUT -s 10.9.0.7/32 -j DROP", "-A OUTPUT -j ACCEPT",
    "-A INPUT -j RETURN\n-A INPUT -j ACCEPT",
  ])
  func whatDoesNotHelpLeavesItClosed(_ rule: String) throws {
    #expect(
      try blocked(iptables("*filter\n:INPUT DROP [0:0]\n\(rule)\nCOMMIT\n"), [5555]) == [5555])
  }

  @Test(arguments: [
    "", "not json", "{}", #"{"nftables": 3}"#, #"{"nftables": [{"chain": 3}, {"rule": null}]}"#,
    #"{"nftables": [{"chain": {"family": "ip6", "table": "t", "name": "i", "hook": "input", "policy": "drop"}}]}"#,
    #"""
    {"nftables": [{"table": {"family": "ip", "name": "t", "flags": ["dormant"]}},
    {"chain": {"family": "ip", "table": "t", "name": "i", "hook": "input", "policy": "drop"}}]}
    """#,
    #"""
    {"nftables": [{"chain": {"family": "ip", "table": "t", "name": "i", "hook": "input", "policy": "drop"}},
    {"rule": {"family": "ip", "table": "t", "chain": "i", "expr": [{"xt": null}]}}]}
    """#,
  ])
  func strangeNftablesAlarmNobody(_ json: String) throws {
    #expect(try blocked(nftables(json), [5555]) == [])
  }

  /// Every chain jumps twice to the next: 2^31 rules, were they all looked at.
  @Test func mazesEnd() throws {
    var text = "*filter\n:INPUT DROP [0:0]\n"
    for index in 0..<31 { text += ":c\(index) - [0:0]\n" }
    text += "-A INPUT -j c0\n"
    for index in 0..<30 {
      for _ in 0..<2 { text += "-A c\(index) -m limit -j c\(index + 1)\n" }
    }
    #expect(try blocked(iptables(text), [5555]) == [])
  }

  private func firewalld(_ changes: [String: String] = [:], zones: String = "public")
    -> FirewallFindings
  {
    let fields = [
      ("target", "default"), ("interfaces", "veth0"), ("services", "dhcpv6-client ssh"),
      ("ports", ""), ("protocols", ""), ("rich rules", ""),
    ]
    var findings = FirewallFindings()
    findings.isFirewalldRunning = true
    findings.firewalldZone =
      "public (active)\n"
      + fields.map { "  \($0.0): \(changes[$0.0] ?? $0.1)" }.joined(separator: "\n")
    findings.firewalldActiveZones = zones
    return findings
  }

  @Test func firewalldFromItsZone() throws {
    let closed = [
      firewalld(), firewalld(["ports": "5556/tcp 5000-6000/udp"]), firewalld(["target": "DROP"]),
    ]
    for findings in closed {
      #expect(
        findings.warning(for: try probe(5555))?
          .contains("(firewalld)") == true)
    }
    let open = [
      firewalld(["ports": "1025-65535/udp 1025-65535/tcp"]), firewalld(["ports": "5555/tcp"]),
      firewalld(["target": "ACCEPT"]), firewalld(["protocols": "tcp"]),
      firewalld(["rich rules": "\n\trule family=\"ipv4\" accept"]),
      firewalld(zones: "home\n  sources: 10.9.0.0/24\npublic\n  interfaces: veth0"),
      FirewallFindings(),
    ]
    for findings in open { #expect(findings.warning(for: try probe(5555)) == nil) }
  }

  @Test func firewalldThroughNftables() throws {
    var findings = nftables(FirewallSamples.workstation)
    findings.isFirewalldRunning = true
    #expect(
      findings.warning(for: try probe(5555))?
        .contains("`sudo firewall-cmd --add-port=5555/tcp`") == true)
  }

  /// Asks this computer's own firewall: whatever it says, it says it soon.
  @Test func thisComputerAnswersSoon() {
    let start = HostClock.now
    _ = Firewall.warnings(for: [.tcp(5555), .udp(5555)])
    #expect(HostClock.now - start < .seconds(10))
  }
}
