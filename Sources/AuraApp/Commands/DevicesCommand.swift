internal import ArgumentParser
internal import AuraAudio
internal import AuraPipelines

/// `auralync devices`: what can be captured and played to.
struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices",
    abstract: "List what can be captured and played to.",
    discussion: """
      Give a name to `auralync serve --source device:NAME` or to `auralync listen --output NAME`. \
      Of an output, what it plays is captured. The name of a program that plays goes to \
      `auralync serve --source app:NAME`, and `--source output` is a device of our own.
      """)

  @Flag(help: "Write one JSON array.")
  var json = false

  @Option(.backend) var backend: String?

  func run() throws {
    var settings = Settings()
    if let backend {
      settings = try .resolved(for: .serve, options: [(.backend, backend)], configFile: nil)
    }
    guard let backend = try SoundChoice.backend(settings.backend) else {
      throw UserError("No sound server is running here. Start PipeWire or PulseAudio.")
    }
    let devices = try Sound.devices(of: backend)
    let programs = try Sound.programs(of: backend)
    let output = Output(format: .text)
    if json {
      output.line(
        JSONValue.array(
          devices.map { Self.json($0, backend) } + programs.map { Self.json(program: $0, backend) }
        ).json)
    } else {
      for line in Self.lines(devices, programs, backend) { output.line(line) }
    }
  }

  /// What `--source system` would take: the monitor of the default output.
  private static func isSystem(_ device: SoundDevice) -> Bool {
    device.kind == .output && device.isDefault
  }

  private static func json(_ device: SoundDevice, _ backend: SoundBackend) -> JSONValue {
    [
      "name": .string(device.name), "description": .string(device.description),
      "kind": .string(device.kind.rawValue), "default": .bool(device.isDefault),
      "system": .bool(isSystem(device)), "backend": .string(backend.rawValue),
    ]
  }

  private static func json(program: String, _ backend: SoundBackend) -> JSONValue {
    [
      "name": .string(program), "description": .string(program), "kind": "program",
      "default": false, "system": false, "backend": .string(backend.rawValue),
    ]
  }

  private static func lines(
    _ devices: [SoundDevice], _ programs: [String], _ backend: SoundBackend
  ) -> [String] {
    let width = devices.map(\.name.count).max() ?? 0
    func section(_ title: String, _ kind: SoundDevice.Kind) -> [String] {
      let rows = devices.filter { $0.kind == kind }.map { device in
        let mark =
          isSystem(device)
          ? "  (default; what `system` captures)" : device.isDefault ? "  (default)" : ""
        let name = device.name + String(repeating: " ", count: width - device.name.count)
        return "  \(device.isDefault ? "*" : " ") \(name)  \(device.description)\(mark)"
      }
      return [title] + (rows.isEmpty ? ["    none"] : rows)
    }
    return section("Outputs of \(backend.displayName), to capture or to play to:", .output)
      + section("Inputs, to capture:", .input)
      + ["Programs that play, to capture one alone:"]
      + (programs.isEmpty ? ["    none"] : programs.map { "    \($0)" })
  }
}
