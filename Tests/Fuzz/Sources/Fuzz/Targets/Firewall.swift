internal import AuraStream

extension Target {
  /// A firewall's rules as other programs print them.
  static let firewall = Target(
    name: "firewall", executions: 15_000, longest: 500,
    run: { tryFirewall(String(decoding: $0, as: UTF8.self)) },
    seeds: {
      let lines = [
        "*filter", ":INPUT DROP [0:0]", ":ours - [0:0]", "-A INPUT -i eth0 -j ours",
        "-A ours -s 192.0.2.0/24 -p tcp -m multiport --dports 1:99,5555 -j ACCEPT",
        "-A ours ! -p udp -m comment --comment \"a b\" -j RETURN", "-A INPUT -j ours", "COMMIT",
      ]
      let json = #"""
        {"nftables":[{"chain":{"family":"inet","table":"t","name":"in","hook":"input","policy":"drop"}},
        {"rule":{"family":"inet","table":"t","chain":"in","expr":[{"match":{"op":"==","left":{"payload":
        {"protocol":"tcp","field":"dport"}},"right":{"set":[22,{"range":[5000,6000]}]}}},{"accept":null}]}}]}
        """#
      return [Array(lines.joined(separator: "\n").utf8), Array(json.utf8)]
    })
}

private let probe: FirewallProbe = {
  guard let network = IPNetwork("192.0.2.0/24"), let address = IPAddress("192.0.2.7") else {
    fatalError("these are addresses")
  }
  return FirewallProbe(
    door: .tcp(5_555), interface: "eth0", network: network, ownAddress: address)
}()

private func tryFirewall(_ text: String) {
  for chains in [
    FirewallChains(iptables: text, for: probe), FirewallChains(nftables: text, for: probe),
  ] {
    check(
      (chains.outcome == .blocked) == (chains.blockingBase != nil), "who says no can be named")
    check(chains.bases.count <= text.utf8.count, "chains are those of the text")
  }
}
