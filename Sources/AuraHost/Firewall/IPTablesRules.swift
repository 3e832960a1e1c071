internal import AuraStream

extension FirewallChains {
  /// Reads what iptables-save prints.
  ///
  /// - Parameters:
  ///   - text: tables as iptables-save prints them; other lines are left out.
  ///   - probe: for whom the conditions are decided.
  init(iptables text: String, for probe: FirewallProbe) {
    var table = ""
    var chains: Set<String> = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("*") {
        table = String(line.dropFirst())
      } else if line.hasPrefix(":") {
        let parts = line.dropFirst().split(separator: " ")
        guard parts.count >= 2 else { continue }
        let chain = "\(table)/\(parts[0])"
        chains.insert(chain)
        rules[chain, default: []] += []
        if parts[0] == "INPUT", parts[1] != "-" {
          bases.append(Base(chain: chain, drops: parts[1] == "DROP"))
        }
      } else if line.hasPrefix("-A ") || line.hasPrefix("-I ") {
        var rule = IPTablesRule(words: Self.words(line), probe: probe)
        guard let chain = rule.chain else { continue }
        rule.resolve { "\(table)/\($0)" }
        let place = line.hasPrefix("-I") ? 0 : rules["\(table)/\(chain)", default: []].count
        rules["\(table)/\(chain)", default: []].insert(contentsOf: rule.rules, at: place)
      }
    }
  }

  /// Splits at spaces, except between quotation marks.
  private static func words(_ line: Substring) -> [String] {
    var words: [String] = []
    var word = ""
    var (isQuoted, isEscaped) = (false, false)
    for character in line {
      switch character {
      case _ where isEscaped:
        word.append(character)
        isEscaped = false
      case "\\": isEscaped = true
      case "\"": isQuoted.toggle()
      case " " where !isQuoted:
        if !word.isEmpty { words.append(word) }
        word = ""
      default: word.append(character)
      }
    }
    return word.isEmpty ? words : words + [word]
  }
}

/// One line of iptables-save, decided for the probe.
private struct IPTablesRule {
  private(set) var chain: String?
  private var truth = Truth.yes
  private var target: String?
  private var isGoto = false
  private var verdict: FirewallChains.Verdict?

  var rules: [FirewallChains.Rule] {
    verdict.map { [FirewallChains.Rule(matches: truth, verdict: $0)] } ?? []
  }

  /// Targets after which the next rule is looked at.
  private static let passing: Set<String> = [
    "LOG", "ULOG", "NFLOG", "MARK", "CONNMARK", "CT", "NOTRACK", "SET", "TRACE", "CLASSIFY",
    "TCPMSS", "AUDIT", "CHECKSUM", "SECMARK", "CONNSECMARK", "DSCP", "TOS", "TTL", "ECN",
  ]
  /// Matches that say nothing until one of their options does.
  private static let plain: Set<String> = [
    "tcp", "udp", "multiport", "conntrack", "state", "addrtype", "comment", "iprange", "mark",
    "recent",
  ]

  init(words: [String], probe: FirewallProbe) {
    var rest = words[...]
    var isNegated = false
    var isInTarget = false
    while let word = rest.popFirst() {
      if word == "!" {
        isNegated = true
        continue
      }
      defer { isNegated = false }
      switch word {
      case "-A", "-I": chain = rest.popFirst()
      case "-j", "-g":
        target = rest.popFirst()
        isGoto = word == "-g"
        isInTarget = true
      case "-m":
        isInTarget = false
        if let name = rest.popFirst(), !Self.plain.contains(name) { truth = truth && .maybe }
      case _ where isInTarget: break
      case "--comment": _ = rest.popFirst()
      default:
        guard word.hasPrefix("-") else { continue }
        let holds = Self.holds(word, Array(rest.prefix(2)), probe)
        truth = truth && (isNegated ? !holds : holds)
      }
    }
  }

  /// Whether a condition holds. A value that follows is no word with a dash, so it is skipped.
  private static func holds(
    _ option: String, _ values: [String], _ probe: FirewallProbe
  ) -> Truth {
    let value = values.first ?? ""
    let list = value.split(separator: ",")
    switch option {
    case "-p", "--protocol": return probe.matches(protocol: value)
    case "-i", "--in-interface": return probe.matches(interface: value, wildcard: "+")
    case "-o", "--out-interface": return .no
    case "-s", "--source":
      return .any(list.map { IPNetwork($0).map { probe.matches(source: $0) } ?? .maybe })
    case "-d", "--destination":
      return .any(list.map { IPNetwork($0).map { probe.matches(destination: $0) } ?? .maybe })
    case "--dport", "--dports", "--destination-port", "--destination-ports":
      return .any(list.map { probe.matches(port: $0) })
    case "--sport", "--sports", "--source-port", "--source-ports":
      return .any(list.map { probe.matches(sourcePort: $0) })
    case "--ctstate", "--state": return .any(list.map { probe.matches(state: $0) })
    case "--dst-type": return .any(list.map { probe.matches(addressType: $0) })
    case "--syn": return Truth(probe.door.transport == .tcp)
    case "--tcp-flags": return values == ["FIN,SYN,RST,ACK", "SYN"] ? .yes : .maybe
    default: return .maybe
    }
  }

  /// Makes a verdict of the target; `chainName` gives a chain's name in its table.
  mutating func resolve(_ chainName: (String) -> String) {
    guard let target, !Self.passing.contains(target) else { return }
    verdict =
      switch target {
      case "ACCEPT": .accept
      case "DROP", "REJECT": .drop
      case "RETURN": .returns
      // Also a target we do not know: as a chain that is not there it leaves everything open.
      default: isGoto ? .go(chainName(target)) : .jump(chainName(target))
      }
  }
}
