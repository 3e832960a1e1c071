internal import AuraStream

extension FirewallChains {
  /// Reads what `nft -j list ruleset` prints.
  ///
  /// - Parameters:
  ///   - json: its output; anything else gives no chains.
  ///   - probe: for whom the conditions are decided.
  init(nftables json: String, for probe: FirewallProbe) {
    let objects = JSONValue(json)?["nftables"]?.array ?? []
    let reader = NFTablesReader(probe: probe, objects: objects)
    let sleeping = objects.compactMap { $0["table"] }.filter { table in
      let flags = table["flags"]?.array ?? [table["flags"] ?? .null]
      return flags.contains(.string("dormant"))
    }.map { $0["name"]?.string }
    for object in objects {
      if let chain = object["chain"], let name = Self.name(chain["name"], in: chain) {
        rules[name, default: []] += []
        if chain["hook"]?.string == "input", !sleeping.contains(chain["table"]?.string) {
          bases.append(Base(chain: name, drops: chain["policy"]?.string == "drop"))
        }
      } else if let rule = object["rule"], let name = Self.name(rule["chain"], in: rule) {
        let place = { (target: String) in Self.name(.string(target), in: rule) ?? target }
        rules[name, default: []] += reader.rules(of: rule["expr"]?.array ?? [.null], place)
      }
    }
  }

  /// Family, table and chain; nil for families that our probe does not pass.
  private static func name(_ chain: JSONValue?, in object: JSONValue) -> String? {
    guard let family = object["family"]?.string, ["ip", "inet"].contains(family),
      let table = object["table"]?.string, let chain = chain?.string
    else { return nil }
    return "\(family) \(table) \(chain)"
  }
}

/// Decides the expressions of nftables' rules for one probe.
private struct NFTablesReader {
  let probe: FirewallProbe
  /// Elements of the named sets and maps; names are only unique per table, so those that occur
  /// twice are left out.
  private let sets: [String: [JSONValue]]

  init(probe: FirewallProbe, objects: [JSONValue]) {
    self.probe = probe
    let named = objects.compactMap { $0["set"] ?? $0["map"] }
    let entries = named.compactMap { set in
      set["name"]?.string.map { ($0, set["elem"]?.array ?? []) }
    }
    let counts = Dictionary(grouping: entries, by: \.0)
    sets = counts.compactMapValues { $0.count == 1 ? $0[0].1 : nil }
  }

  /// Statements that neither decide nor stop a rule.
  private static let passing: Set<String> = [
    "counter", "log", "mangle", "ct helper", "ct timeout", "notrack", "last", "flow", "dup",
    "continue", "secmark",
  ]

  func rules(
    of expressions: [JSONValue], _ chainName: (String) -> String
  ) -> [FirewallChains.Rule] {
    var truth = Truth.yes
    for expression in expressions {
      guard let (key, value) = expression.onlyMember else {
        // A null, or something with a comment beside it: whatever it is, it may matter.
        return [FirewallChains.Rule(matches: truth && .maybe, verdict: .unknown)]
      }
      switch key {
      case "match": truth = truth && holds(value)
      // Below its rate it holds, above it does not; a set's statement may contain such a rate.
      case "limit", "ct count", "quota", "meter", "set", "map": truth = truth && .maybe
      case _ where Self.passing.contains(key): continue
      case "vmap":
        return mapped(value, chainName).map {
          FirewallChains.Rule(matches: truth && $0.matches, verdict: $0.verdict)
        }
      case "xt" where value["type"]?.string == "match": truth = truth && .maybe
      default:
        guard let verdict = verdict(key, value, chainName) else {
          return [FirewallChains.Rule(matches: truth && .maybe, verdict: .unknown)]
        }
        return [FirewallChains.Rule(matches: truth, verdict: verdict)]
      }
    }
    return []
  }

  private func verdict(
    _ key: String, _ value: JSONValue, _ chainName: (String) -> String
  ) -> FirewallChains.Verdict? {
    switch key {
    case "accept": .accept
    case "drop", "reject": .drop
    case "return": .returns
    case "jump": value["target"]?.string.map { .jump(chainName($0)) }
    case "goto": value["target"]?.string.map { .go(chainName($0)) }
    default: nil
    }
  }

  /// The rules that a map from values to verdicts stands for; at most one of them holds.
  private func mapped(
    _ map: JSONValue, _ chainName: (String) -> String
  ) -> [FirewallChains.Rule] {
    guard let key = map["key"], let entries = elements(map["data"]) else {
      return [FirewallChains.Rule(matches: .maybe, verdict: .unknown)]
    }
    return entries.map { entry in
      guard let pair = entry.array, pair.count == 2, let (name, value) = pair[1].onlyMember else {
        return FirewallChains.Rule(matches: .maybe, verdict: .unknown)
      }
      if name == "continue" { return FirewallChains.Rule(matches: .no, verdict: .unknown) }
      return FirewallChains.Rule(
        matches: compare(key, pair[0]), verdict: verdict(name, value, chainName) ?? .unknown)
    }
  }

  /// The elements of a set or map, written there or named.
  private func elements(_ value: JSONValue?) -> [JSONValue]? {
    if let name = value?.string, name.hasPrefix("@") { return sets[String(name.dropFirst())] }
    return value?["set"]?.array ?? value?.array
  }

  private func holds(_ match: JSONValue) -> Truth {
    guard let left = match["left"], let right = match["right"] else { return .maybe }
    switch match["op"]?.string {
    case "==", "in": return compare(left, right)
    case "!=":
      // Also "not UDP" is a question to UDP packets only.
      return isOfAnotherProtocol(left) ? .no : !compare(left, right)
    case let order?: return isPort(left) ? ordered(order, right.integer) : .maybe
    case nil: return .maybe
    }
  }

  private func ordered(_ order: String, _ number: Int?) -> Truth {
    guard let number else { return .maybe }
    switch order {
    case "<": return Truth(probe.door.port < number)
    case ">": return Truth(probe.door.port > number)
    case "<=": return Truth(probe.door.port <= number)
    case ">=": return Truth(probe.door.port >= number)
    default: return .maybe
    }
  }

  /// Whether what `left` takes from the packet is `right`, or one of the values that it holds.
  private func compare(_ left: JSONValue, _ right: JSONValue) -> Truth {
    if let elements = elements(right) { return .any(elements.map { compare(left, $0) }) }
    if let element = right["elem"] { return element["val"].map { compare(left, $0) } ?? .maybe }
    if isOfAnotherProtocol(left) { return .no }
    if let parts = left["concat"]?.array {
      guard let values = right["concat"]?.array, values.count == parts.count else { return .maybe }
      return zip(parts, values).reduce(.yes) { $0 && compare($1.0, $1.1) }
    }
    if right == .string("*") { return .yes }
    if let payload = left["payload"] { return comparePayload(payload, right) }
    if let key = left["meta"]?["key"]?.string { return compareMeta(key, right) }
    if left["ct"]?["key"]?.string == "state" {
      return right.string.map { probe.matches(state: $0) } ?? .maybe
    }
    if let fib = left["fib"], fib["result"]?.string == "type", let type = right.string,
      Self.names(fib["flags"]).contains("daddr")
    {
      return probe.matches(addressType: type)
    }
    return .maybe
  }

  /// One flag is a string, several are a list.
  private static func names(_ flags: JSONValue?) -> [String] {
    flags?.string.map { [$0] } ?? (flags?.array ?? []).compactMap(\.string)
  }

  private func comparePayload(_ payload: JSONValue, _ right: JSONValue) -> Truth {
    switch (payload["protocol"]?.string, payload["field"]?.string) {
    case (probe.door.transport.rawValue, "dport"), ("th", "dport"):
      portText(right).map { probe.matches(port: $0) } ?? .maybe
    case (probe.door.transport.rawValue, "sport"), ("th", "sport"):
      portText(right).map { probe.matches(sourcePort: $0) } ?? .maybe
    case ("ip", "saddr"):
      .any(networks(right).map { $0.map { probe.matches(source: $0) } ?? .maybe })
    case ("ip", "daddr"):
      .any(networks(right).map { $0.map { probe.matches(destination: $0) } ?? .maybe })
    case ("ip", "protocol"): protocolName(right).map { probe.matches(protocol: $0) } ?? .maybe
    default: .maybe
    }
  }

  private func compareMeta(_ key: String, _ right: JSONValue) -> Truth {
    switch key {
    case "iif", "iifname":
      right.string.map { probe.matches(interface: $0, wildcard: "*") } ?? .maybe
    case "oif", "oifname": .no
    case "l4proto": protocolName(right).map { probe.matches(protocol: $0) } ?? .maybe
    case "nfproto": right.string.map { Truth($0 == "ipv4") } ?? .maybe
    case "protocol": right.string.map { Truth($0 == "ip") } ?? .maybe
    case "pkttype": right.string.map { Truth(["host", "unicast"].contains($0)) } ?? .maybe
    default: .maybe
    }
  }

  private static let otherProtocols: Set<String> = [
    "udplite", "icmp", "icmpv6", "igmp", "ip6", "sctp", "dccp", "esp", "ah", "comp", "arp",
    "rt", "rt0", "rt2", "rt4", "frag", "hbh", "mh", "dst",
  ]

  private func isOfAnotherProtocol(_ left: JSONValue) -> Bool {
    left["payload"]?["protocol"]?.string.map {
      $0 == probe.door.transport.other.rawValue || Self.otherProtocols.contains($0)
    } ?? false
  }

  private func isPort(_ left: JSONValue) -> Bool {
    guard let payload = left["payload"] else { return false }
    return [probe.door.transport.rawValue, "th"].contains(payload["protocol"]?.string)
      && payload["field"]?.string == "dport"
  }

  /// A port or range as iptables writes it.
  private func portText(_ value: JSONValue) -> String? {
    if let number = value.integer { return "\(number)" }
    let ends = (value["range"]?.array ?? []).compactMap(\.integer)
    return ends.count == 2 ? "\(ends[0]):\(ends[1])" : nil
  }

  private func protocolName(_ value: JSONValue) -> String? {
    value.string ?? value.integer.map { "\($0)" }
  }

  /// The networks that an address, prefix or range covers; nil where it is something else.
  private func networks(_ value: JSONValue) -> [IPNetwork?] {
    if let text = value.string { return [IPNetwork(text)] }
    if let prefix = value["prefix"], let address = prefix["addr"]?.string,
      let length = prefix["len"]?.integer
    {
      return [IPNetwork("\(address)/\(length)")]
    }
    return [nil]
  }
}
