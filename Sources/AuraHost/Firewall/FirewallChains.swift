package import AuraStream

/// The first packet of a listener on the local network, as a firewall sees it: TCP over IPv4.
package struct FirewallProbe: Equatable, Sendable {
  /// Over which a packet comes.
  package enum Transport: String, Sendable {
    case tcp, udp

    /// The protocol's number in IP.
    fileprivate var number: String { self == .tcp ? "6" : "17" }
    var other: Transport { self == .tcp ? .udp : .tcp }
  }

  /// A port of ours that others should reach.
  package struct Door: Equatable, Sendable {
    package var transport: Transport
    package var port: Int

    package static func tcp(_ port: Int) -> Door { Door(transport: .tcp, port: port) }
    package static func udp(_ port: Int) -> Door { Door(transport: .udp, port: port) }
  }

  /// What it wants to reach.
  package var door: Door
  /// The interface it comes in by.
  package var interface: String
  /// Where it comes from and where it goes to: this network and our address in it.
  package var network: IPNetwork
  package var ownAddress: IPAddress

  package init(door: Door, interface: String, network: IPNetwork, ownAddress: IPAddress) {
    self.door = door
    self.interface = interface
    self.network = network
    self.ownAddress = ownAddress
  }
}

/// What becomes of the probe.
package enum FirewallOutcome: Equatable, Sendable {
  case open
  /// Dropped or rejected whatever else is true of the packet.
  case blocked
  /// It depends on what we cannot know.
  case unsure
}

/// Whether a condition of a rule holds for the probe.
enum Truth: Equatable {
  case yes, no, maybe

  init(_ isTrue: Bool) { self = isTrue ? .yes : .no }

  static prefix func ! (truth: Truth) -> Truth {
    switch truth {
    case .yes: .no
    case .no: .yes
    case .maybe: .maybe
    }
  }

  static func && (a: Truth, b: Truth) -> Truth {
    if a == .no || b == .no { return .no }
    return a == .yes && b == .yes ? .yes : .maybe
  }

  static func any(_ truths: some Sequence<Truth>) -> Truth {
    truths.reduce(.no) { !(!$0 && !$1) }
  }
}

/// Chains of rules, reduced to what they mean for one probe.
struct FirewallChains {
  enum Verdict: Equatable {
    case accept, drop, returns
    case jump(String)
    case go(String)
    /// Decided by something we do not understand; it may also go on with the next rule.
    case unknown
  }

  struct Rule: Equatable {
    var matches: Truth
    var verdict: Verdict
  }

  /// A chain that the kernel enters by itself for every packet to this computer.
  struct Base: Equatable {
    var chain: String
    var drops: Bool
  }

  var rules: [String: [Rule]] = [:]
  var bases: [Base] = []

  /// What can become of the packet in one chain.
  private struct Ends: OptionSet {
    let rawValue: Int
    static let accepted = Ends(rawValue: 1)
    static let dropped = Ends(rawValue: 2)
    static let goesOn = Ends(rawValue: 4)
    static let all: Ends = [accepted, dropped, goesOn]
  }

  /// The base chain that stops the probe for certain.
  var blockingBase: Base? {
    bases.first { ends(of: $0) == .dropped }
  }

  /// Every base chain must let the packet pass: one that accepts it does not speak for another.
  var outcome: FirewallOutcome {
    if blockingBase != nil { return .blocked }
    return bases.allSatisfy { ends(of: $0) == .accepted } ? .open : .unsure
  }

  private func ends(of base: Base) -> Ends {
    var budget = 200_000
    var ends = ends(ofChain: base.chain, depth: 0, &budget)
    if ends.remove(.goesOn) != nil { ends.insert(base.drops ? .dropped : .accepted) }
    return ends
  }

  /// `budget` is how many rules may still be looked at: a maze of jumps ends in "unsure".
  private func ends(ofChain name: String, depth: Int, _ budget: inout Int) -> Ends {
    guard depth < 32, let chain = rules[name] else { return .all }
    var possible: Ends = []
    for rule in chain where rule.matches != .no {
      budget -= 1
      guard budget > 0 else { return .all }
      var reached: Ends
      switch rule.verdict {
      case .accept: reached = .accepted
      case .drop: reached = .dropped
      case .unknown: reached = .all
      case .returns:
        possible.insert(.goesOn)
        if rule.matches == .yes { return possible }
        continue
      case .jump(let target): reached = ends(ofChain: target, depth: depth + 1, &budget)
      case .go(let target):
        // What comes back from there goes on behind the rule that led here.
        possible.formUnion(ends(ofChain: target, depth: depth + 1, &budget))
        if rule.matches == .yes { return possible }
        continue
      }
      let comesBack = reached.remove(.goesOn) != nil
      possible.formUnion(reached)
      if rule.matches == .yes, !comesBack { return possible }
    }
    return possible.union(.goesOn)
  }
}

extension FirewallProbe {
  func matches(port text: some StringProtocol) -> Truth {
    let ends = text.split(separator: ":", omittingEmptySubsequences: false)
    let numbers = ends.map { $0.isEmpty ? nil : Int($0) }
    switch ends.count {
    case 1: return numbers[0].map { Truth($0 == door.port) } ?? .maybe
    case 2:
      let (low, high) = (numbers[0] ?? 0, numbers[1] ?? 65_535)
      return Truth(low <= door.port && door.port <= high)
    default: return .maybe
    }
  }

  /// A client's own port is one of the high ones.
  func matches(sourcePort text: some StringProtocol) -> Truth {
    let last = text.split(separator: ":").last.flatMap { Int($0) }
    return last.map { $0 < 1024 ? .no : .maybe } ?? .maybe
  }

  func matches(source rule: IPNetwork) -> Truth {
    if rule.contains(network) { return .yes }
    return network.contains(rule) ? .maybe : .no
  }

  func matches(destination rule: IPNetwork) -> Truth { Truth(rule.contains(ownAddress)) }

  /// `wildcard` at the end of a pattern stands for any characters.
  func matches(interface pattern: String, wildcard: Character) -> Truth {
    pattern.last == wildcard
      ? Truth(interface.hasPrefix(pattern.dropLast())) : Truth(interface == pattern)
  }

  func matches(addressType type: some StringProtocol) -> Truth {
    switch type.lowercased() {
    case "local": .yes
    case "unicast", "broadcast", "multicast", "anycast", "blackhole", "unreachable", "prohibit": .no
    default: .maybe
    }
  }

  /// The packet opens a connection.
  func matches(state: some StringProtocol) -> Truth {
    switch state.lowercased() {
    case "new": .yes
    case "established", "related", "invalid", "untracked", "snat", "dnat": .no
    default: .maybe
    }
  }

  func matches(protocol name: some StringProtocol) -> Truth {
    let transport = door.transport
    return Truth([transport.rawValue, transport.number, "all", "0"].contains(name.lowercased()))
  }
}
