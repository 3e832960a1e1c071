/// What a PulseAudio server has told of its sinks, sources and defaults; plain values, no calls.
struct PulseGraph: Equatable {
  struct Output: Equatable {
    var name: String
    var description: String
    /// The source that hears what the output plays.
    var monitor: String
  }

  struct Input: Equatable {
    var name: String
    var description: String
  }

  var outputs: [Output] = []
  /// Sources that are not an output's monitor.
  var inputs: [Input] = []
  var defaultOutput: String?
  var defaultInput: String?

  func output(named name: String?) -> Output? { outputs.first { $0.name == name } }

  func input(named name: String?) -> Input? { inputs.first { $0.name == name } }

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
