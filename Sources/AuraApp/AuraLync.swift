internal import ArgumentParser

/// The program: `auralync SUBCOMMAND`.
struct AuraLync: ParsableCommand {
  /// The version, said in this one place.
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "auralync",
    abstract: "Takes a computer's sound and gives it to everyone in the room.",
    version: version,
    // A new command is one more name here.
    subcommands: [
      ServeCommand.self, ListenCommand.self, DevicesCommand.self, ConfigCommand.self,
      DoctorCommand.self, BenchCommand.self, FanOutCommand.self,
    ])
}
