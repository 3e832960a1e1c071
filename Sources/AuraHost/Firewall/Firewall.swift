internal import AuraStream
internal import CLinux
internal import Glibc

/// Tells when this computer's own firewall keeps listeners out.
package enum Firewall {
  /// No program that we ask may take longer.
  private static let patience = Duration.seconds(2)

  /// A line with the remedy for each door at which a packet from the local network would surely be
  /// dropped or rejected; none where it would not, or where that cannot be known.
  ///
  /// Asks ufw's files, nft, iptables-save and firewall-cmd, as far as they are there and answer
  /// this user. Takes a few milliseconds, at most some seconds: not for a media thread.
  package static func warnings(for doors: [FirewallProbe.Door]) -> [String] {
    let interfaces = NetworkInterfaces.current()
    let probes = doors.compactMap { FirewallProbe(door: $0, interfaces) }
    guard let first = probes.first else { return [] }
    let findings = gather(first)
    return probes.compactMap { findings.warning(for: $0) }
  }

  private static func gather(_ probe: FirewallProbe) -> FirewallFindings {
    var findings = FirewallFindings()
    findings.ufwConfiguration = HostFiles.text(of: "/etc/ufw/ufw.conf")
    findings.ufwDefaults = HostFiles.text(of: "/etc/default/ufw")
    findings.ufwRules =
      HostFiles.text(of: "/etc/ufw/user.rules") ?? HostFiles.text(of: "/lib/ufw/user.rules")
    findings.isFirewalldRunning = ProcessTable.all.contains { $0.name == "firewalld" }
    findings.nftables = answer("nft", "-j", "list", "ruleset")
    findings.iptables = answer("iptables-save")
    if HostFiles.text(of: "/proc/net/ip_tables_names").map({ !$0.isEmpty }) == true {
      findings.iptablesLegacy = answer("iptables-legacy-save")
    }
    if findings.isFirewalldRunning, findings.nftables == nil, findings.iptables == nil {
      let zone = answer("firewall-cmd", "--get-zone-of-interface=\(probe.interface)")
      let choice = zone.flatMap { $0.split(separator: "\n").first }.map { ["--zone=\($0)"] } ?? []
      findings.firewalldZone = answer("firewall-cmd", choice + ["--list-all"])
      findings.firewalldActiveZones = answer("firewall-cmd", "--get-active-zones")
    }
    return findings
  }

  private static func answer(_ program: String, _ arguments: String...) -> String? {
    answer(program, arguments)
  }

  private static func answer(_ program: String, _ arguments: [String]) -> String? {
    var request = ChildProcess.Request(program, arguments)
    var environment = hostEnvironment
    // Where these programs are is not in everybody's PATH; their answers must not be translated.
    environment["PATH"] = (environment["PATH"] ?? "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    environment["LC_ALL"] = "C"
    request.environment = environment
    request.standardError = .null
    return ChildProcess.output(of: request, timeout: patience)
  }
}

extension FirewallProbe {
  /// A packet by the interface that leads to the local network; nil when there is none with IPv4.
  package init?(door: Door, _ interfaces: NetworkInterfaces) {
    for interface in interfaces.usable {
      for entry in interface.addresses where entry.address.isIPv4 && !entry.address.isLinkLocal {
        self.init(
          door: door, interface: interface.name, network: entry.network, ownAddress: entry.address)
        return
      }
    }
    return nil
  }
}
