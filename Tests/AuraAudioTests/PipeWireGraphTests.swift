@testable internal import AuraAudio
internal import Testing

@Suite struct PipeWireGraphTests {
  private func graph(_ nodes: [(name: String, mediaClass: String)]) -> PipeWireGraph {
    var graph = PipeWireGraph()
    for (index, node) in nodes.enumerated() {
      graph.nodes[UInt32(30 + index)] = PipeWireGraph.Node(
        name: node.name, description: "The \(node.name)", mediaClass: node.mediaClass)
    }
    return graph
  }

  @Test func devicesAreOutputsThenInputsByName() {
    let graph = graph([
      ("mic", "Audio/Source"), ("zebra", "Audio/Sink"), ("player", "Stream/Output/Audio"),
      ("apple", "Audio/Sink"), ("camera", "Video/Source"), ("echo", "Audio/Source/Virtual"),
      ("recorder", "Stream/Input/Audio"), ("midi", "Midi/Bridge"),
    ])
    #expect(graph.devices.map(\.name) == ["apple", "zebra", "echo", "mic"])
    #expect(graph.devices.map(\.kind) == [.output, .output, .input, .input])
    #expect(graph.devices.first?.description == "The apple")
  }

  @Test func duplexIsAnOutputAndAnInput() {
    let graph = graph([("card", "Audio/Duplex")])
    #expect(graph.devices.map(\.kind) == [.output, .input])
    #expect(graph.kinds(named: "card") == [.output, .input])
  }

  @Test func theNewestStreamOfAProgramIsTaken() {
    var graph = graph([
      ("Film", "Audio/Sink"), ("old", "Stream/Output/Audio"), ("new", "Stream/Output/Audio"),
      ("alone", "Stream/Output/Audio"), ("recorder", "Stream/Input/Audio"),
    ])
    for (id, serial): (UInt32, UInt64) in [(31, 900), (32, 1001), (34, 2000)] {
      graph.nodes[id]?.program = "Film"
      graph.nodes[id]?.serial = serial
    }
    #expect(graph.player(named: "film")?.name == "new")
    #expect(graph.player(named: "Alone")?.name == "alone", "without a program's name its own")
    #expect(graph.player(named: "recorder") == nil)
    #expect(graph.programs == ["Film", "alone"])
  }

  @Test func defaultsAreMarkedPerKind() {
    var graph = graph([
      ("card", "Audio/Duplex"), ("speaker", "Audio/Sink"), ("mic", "Audio/Source"),
    ])
    graph.defaultOutput = "card"
    graph.defaultInput = "mic"
    let defaults = graph.devices.filter(\.isDefault).map { "\($0.kind) \($0.name)" }
    #expect(defaults == ["output card", "input mic"])
  }

  @Test func withoutADefaultNothingIsMarked() {
    #expect(!graph([("speaker", "Audio/Sink")]).devices.contains { $0.isDefault })
  }

  @Test func aNameCanBelongToTwoDevices() {
    let graph = graph([("usb", "Audio/Sink"), ("usb", "Audio/Source")])
    #expect(graph.kinds(named: "usb") == [.output, .input])
    #expect(graph.kinds(named: "other").isEmpty)
    #expect(graph.devices.map(\.kind) == [.output, .input])
  }

  @Test func streamsAreNoDevices() {
    #expect(graph([("player", "Stream/Output/Audio")]).kinds(named: "player").isEmpty)
  }

  @Test func linksTellWhoFeedsWhom() {
    var graph = graph([("speaker", "Audio/Sink"), ("auralync", "Stream/Input/Audio")])
    #expect(graph.source(of: 31) == nil)
    graph.links[50] = PipeWireGraph.Link(outputNode: 30, inputNode: 31)
    #expect(graph.source(of: 31) == "speaker")
    #expect(graph.destination(of: 30) == "auralync")
    #expect(graph.destination(of: 31) == nil)
    // A link may be heard of before its node.
    graph.links[50] = PipeWireGraph.Link(outputNode: 99, inputNode: 31)
    #expect(graph.source(of: 31) == nil)
  }
}
