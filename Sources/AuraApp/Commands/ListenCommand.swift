internal import ArgumentParser

/// `auralync listen`: plays what a server sends.
struct ListenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "listen",
    abstract: "Listen to a server.",
    discussion: """
      Plays on this computer what `auralync serve` captures on another, or what any WHEP server sends: \
      over WebRTC where the server has it, else over the original protocol. When the server goes away, \
      listen waits and connects again by itself.
      """)

  @Argument(
    help: ArgumentHelp(
      "The server: a name or an address, IPv6 in brackets when a port follows, or a URL.",
      valueName: "host[:port]|url"))
  var server: String?

  @Flag(
    help: """
      Measure what a headphone adds: clicks are played, tap the space bar for each. It is remembered for \
      the output. Once it is right, clicks are heard at the flash of the /join page: of this computer's, or \
      of the server's that is named, whose clock is asked. Where that does not answer at first there are no \
      clicks.
      """)
  var calibrate = false

  @OptionGroup var settings: ListenSettings

  func run() throws {
    let settings = try settings.resolved()
    if calibrate {
      let plan = try server.map { try ListenPlan($0, settings) }
      return try CalibrateSession(settings, plan: plan).run()
    }
    guard let server else {
      throw UserError(
        "A server is missing. Say whom to listen to, such as auralync listen 192.0.2.1.",
        exitCode: UserError.usage)
    }
    try ListenSession(settings, plan: ListenPlan(server, settings)).run()
  }
}
