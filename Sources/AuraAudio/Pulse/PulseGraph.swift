/// What a PulseAudio server has told of its sinks, sources and defaults; plain values, no calls.
struct PulseGraph: Equatable {
  struct Output: Equatable {
    var index: UInt32
    var name: String
    var description: String
    /// The source that hears what the output plays.
    var monitor: String
  }

  struct Input: Equatable {
    var name: String
    var description: String
  }

  /// What a program plays.
  struct Player: Equatable {
    /// Grows from one to the next; never used again.
    var index: UInt32
    /// The output it plays to, by the server's number.
    var output: UInt32
    /// The program's name for people.
    var program: String
    /// The name of the program's file.
    var binary: String
  }

  var outputs: [Output] = []
  /// Sources that are not an output's monitor.
  var inputs: [Input] = []
  var players: [Player] = []
  var defaultOutput: String?
  var defaultInput: String?
  /// Whether PipeWire stands in for PulseAudio.
  var isPipeWire = false

  func output(named name: String?) -> Output? { outputs.first { $0.name == name } }

  func input(named name: String?) -> Input? { inputs.first { $0.name == name } }

  /// The programs that play, by name.
  var programs: [String] { Set(players.map(\.program)).sorted() }

  /// The sound of a program: the newest, should it play several.
  ///
  /// - Parameter name: the program's or its file's, whatever the case.
  /// - Returns: nil while it plays nothing.
  func player(named name: String) -> (player: Player, output: Output)? {
    let wanted = name.lowercased()
    let found = players.filter { [$0.program, $0.binary].contains { $0.lowercased() == wanted } }
    guard let newest = found.max(by: { $0.index < $1.index }),
      let output = outputs.first(where: { $0.index == newest.output })
    else { return nil }
    return (newest, output)
  }

  /// Everything that can be captured or played to, outputs first.
  var devices: [SoundDevice] {
    let outputs = outputs.sorted { $0.name < $1.name }.map {
      SoundDevice(
        name: $0.name, description: $0.description, kind: .output,
        isDefault: $0.name == defaultOutput)
    }
    let inputs = inputs.sorted { $0.name < $1.name }.map {
      SoundDevice(
        name: $0.name, description: $0.description, kind: .input,
        isDefault: $0.name == defaultInput)
    }
    return outputs + inputs
  }
}
