internal import ArgumentParser

/// `auralync serve`: captures sound and gives it to everyone.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Give this computer's sound to everyone in the room.",
    discussion: """
      Listeners join with `auralync listen ADDRESS`, with the address that serve prints. Without \
      any sound server, as on a headless box, a private one is started, and what to play into it \
      is said. After -- comes a player to run: its sound goes to the listeners and nowhere else, \
      in film mode, its picture waits for it, and serve ends with it.
      """)

  @OptionGroup var settings: ServeSettings

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("A player to run, and its arguments.", valueName: "command"))
  var command: [String] = []

  func run() throws {
    let status = try ServeSession(settings.resolved(), command: command).run()
    if status != 0 { throw ExitCode(status) }
  }
}
