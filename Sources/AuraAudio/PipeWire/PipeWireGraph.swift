/// What a PipeWire server has told of its nodes, links and defaults; plain values, no calls.
struct PipeWireGraph {
  struct Node: Equatable {
    var name: String
    var description: String
    var mediaClass: String
    /// The program's name for people; nil when it is no program's.
    var program: String?
    /// Never used again, unlike the id; grows from node to node.
    var serial: UInt64 = 0
  }

  struct Link: Equatable {
    var outputNode: UInt32
    var inputNode: UInt32
  }

  var nodes: [UInt32: Node] = [:]
  var links: [UInt32: Link] = [:]
  var defaultOutput: String?
  var defaultInput: String?
  /// What the user has chosen as the default output, whether it is there or not.
  var chosenOutput: String?

  /// What the device of this name can be; empty when there is none.
  func kinds(named name: String) -> Set<SoundDevice.Kind> {
    Set(nodes.values.filter { $0.name == name }.flatMap { Self.kinds(of: $0.mediaClass) })
  }

  /// The names of what can be played to.
  var outputNames: [String] {
    nodes.values.filter { Self.kinds(of: $0.mediaClass).contains(.output) }.map(\.name)
  }

  /// The name of the node that feeds `node`.
  func source(of node: UInt32) -> String? {
    links.values.first { $0.inputNode == node }.flatMap { nodes[$0.outputNode]?.name }
  }

  /// The name of the node that `node` feeds.
  func destination(of node: UInt32) -> String? {
    links.values.first { $0.outputNode == node }.flatMap { nodes[$0.inputNode]?.name }
  }

  /// Everything that can be captured or played to, outputs first.
  var devices: [SoundDevice] {
    let all = nodes.values.flatMap { node in
      Self.kinds(of: node.mediaClass).map { kind in
        SoundDevice(
          name: node.name, description: node.description, kind: kind,
          isDefault: node.name == (kind == .output ? defaultOutput : defaultInput))
      }
    }
    return all.sorted { Self.order($0) < Self.order($1) }
  }

  /// The programs that play, by name.
  var programs: [String] {
    Set(players.map { $0.program ?? $0.name }).sorted()
  }

  /// The stream of a program that plays: the newest, should it have several.
  ///
  /// - Parameter name: as `programs` has it, whatever the case, or the node's own name.
  /// - Returns: nil while it plays nothing.
  func player(named name: String) -> Node? {
    let wanted = name.lowercased()
    return players.filter { node in
      [node.program, node.name].contains { $0?.lowercased() == wanted }
    }.max { $0.serial < $1.serial }
  }

  private var players: [Node] { nodes.values.filter { $0.mediaClass == "Stream/Output/Audio" } }

  private static func order(_ device: SoundDevice) -> (Int, String) {
    (device.kind == .output ? 0 : 1, device.name)
  }

  private static func kinds(of mediaClass: String) -> [SoundDevice.Kind] {
    switch mediaClass {
    case "Audio/Sink": [.output]
    case "Audio/Source", "Audio/Source/Virtual": [.input]
    case "Audio/Duplex": [.output, .input]
    default: []
    }
  }
}
