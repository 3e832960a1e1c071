/// What could be read of this computer's firewall, as text; and what it means.
package struct FirewallFindings: Equatable, Sendable {
  /// /etc/ufw/ufw.conf, /etc/default/ufw and ufw's user.rules.
  package var ufwConfiguration: String?
  package var ufwDefaults: String?
  package var ufwRules: String?
  package var isFirewalldRunning = false
  /// What `firewall-cmd --list-all` says of the interface's zone, and `--get-active-zones`.
  package var firewalldZone: String?
  package var firewalldActiveZones: String?
  /// What `nft -j list ruleset` says.
  package var nftables: String?
  /// What iptables-save says, and its older sister.
  package var iptables: String?
  package var iptablesLegacy: String?

  package init() {}

  /// One line with the remedy when the probe is surely kept out.
  package func warning(for probe: FirewallProbe) -> String? {
    guard let blocker = blocker(for: probe) else { return nil }
    let door = probe.door
    let (port, transport) = (door.port, door.transport.rawValue)
    let (name, remedy) =
      switch blocker {
      case .ufw: ("ufw", "sudo ufw allow \(port)/\(transport)")
      case .firewalld: ("firewalld", "sudo firewall-cmd --add-port=\(port)/\(transport)")
      case .nftables(let chain):
        ("nftables", "sudo nft insert rule \(chain) \(transport) dport \(port) accept")
      case .iptables:
        ("iptables", "sudo iptables -I INPUT -p \(transport) --dport \(port) -j ACCEPT")
      }
    return
      "The firewall of this computer (\(name)) keeps listeners out of \(transport.uppercased()) port \(port): "
      + "let them in with `\(remedy)`."
  }

  private enum Blocker {
    case ufw, firewalld, iptables
    case nftables(chain: String)
  }

  private func blocker(for probe: FirewallProbe) -> Blocker? {
    // What the kernel really does says most; who manages it says how to change it.
    let live = nftables != nil || iptables != nil || iptablesLegacy != nil
    if live {
      guard let blocker = liveBlocker(for: probe) else { return nil }
      if isUfwEnabled { return .ufw }
      return isFirewalldRunning ? .firewalld : blocker
    }
    if isUfwEnabled, isBlockedByUfw(probe) { return .ufw }
    return isFirewalldRunning && isBlockedByFirewalld(probe) ? .firewalld : nil
  }

  private func liveBlocker(for probe: FirewallProbe) -> Blocker? {
    for text in [iptables, iptablesLegacy] {
      if let text, FirewallChains(iptables: text, for: probe).outcome == .blocked {
        return .iptables
      }
    }
    guard let nftables else { return nil }
    return FirewallChains(nftables: nftables, for: probe).blockingBase
      .map { .nftables(chain: $0.chain) }
  }

  // MARK: ufw

  package var isUfwEnabled: Bool {
    Self.setting("ENABLED", in: ufwConfiguration ?? "")?.lowercased() == "yes"
  }

  /// ufw's own rules come after ones that matter to nobody's first packet and before its default.
  private func isBlockedByUfw(_ probe: FirewallProbe) -> Bool {
    guard let ufwRules,
      let policy = Self.setting("DEFAULT_INPUT_POLICY", in: ufwDefaults ?? "")
    else { return false }
    var chains = FirewallChains(iptables: ufwRules, for: probe)
    let drops = ["DROP", "REJECT"].contains(policy.uppercased())
    chains.bases = [FirewallChains.Base(chain: "filter/ufw-user-input", drops: drops)]
    return chains.outcome == .blocked
  }

  /// The value of a line NAME=value or NAME="value".
  private static func setting(_ name: String, in text: String) -> String? {
    let line = text.split(separator: "\n").last { $0.hasPrefix("\(name)=") }
    return line.map { $0.dropFirst(name.count + 1).filter { $0 != "\"" && $0 != "'" && $0 != " " } }
  }

  // MARK: firewalld

  private func isBlockedByFirewalld(_ probe: FirewallProbe) -> Bool {
    // A zone that is chosen by the sender's address may let the local network in.
    guard let firewalldZone, let firewalldActiveZones, !firewalldActiveZones.contains("sources:")
    else { return false }
    var fields: [String: [Substring]] = [:]
    for line in firewalldZone.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 {
        fields[String(parts[0].drop { $0 == " " })] = parts[1].split(separator: " ")
      } else if line.hasPrefix("\t") || line.hasPrefix("  ") {
        // A rich rule: it may say anything.
        return false
      }
    }
    guard let target = fields["target"]?.first, let ports = fields["ports"],
      ["default", "DROP", "REJECT", "%%REJECT%%"].contains(String(target)),
      fields["rich rules"]?.isEmpty == true,
      fields["protocols"]?.contains("\(probe.door.transport)") != true,
      fields["services"]?.contains(where: { $0.lowercased().contains("aura") }) != true
    else { return false }
    return !ports.contains { entry in
      let parts = entry.split(separator: "/")
      return parts.count == 2 && parts[1] == probe.door.transport.rawValue
        && probe.matches(port: parts[0].map { $0 == "-" ? ":" : String($0) }.joined()) != .no
    }
  }
}
