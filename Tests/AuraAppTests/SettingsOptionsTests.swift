internal import ArgumentParser
internal import Testing

@testable internal import AuraApp

/// A command with everything `serve` has, and a player behind `--`.
private struct ServeLike: ParsableCommand {
  @OptionGroup var settings: ServeSettings
  @Argument(parsing: .postTerminator) var command: [String] = []
}

private struct ListenLike: ParsableCommand {
  @Argument var host: String
  @OptionGroup var settings: ListenSettings
}

@Suite struct SettingsOptionsTests {
  @Test(arguments: SettingCase.all)
  func everySettingIsAnOptionOfItsCommands(_ test: SettingCase) throws {
    let value = try #require(test.accepted.first)
    let isFlag = SettingKey.named(test.name).valueName.isEmpty
    let words = isFlag ? ["--\(test.name.rawValue)"] : ["--\(test.name.rawValue)", value]
    let key = SettingKey.named(test.name)
    for (command, given) in [
      (SettingsCommand.serve, { try ServeLike.parse(words).settings.own.given }),
      (SettingsCommand.listen, { try ListenLike.parse(["host"] + words).settings.own.given }),
    ] {
      if key.commands.contains(command) {
        #expect(throws: Never.self) { try given() }
      } else {
        #expect(throws: (any Error).self) { try given() }
      }
    }
    let all = try ConfigCommand.parse(words)
    let given = all.serve.given + all.listen.given + all.shared.given
    #expect(given.map(\.name) == [test.name])
    #expect(given.map(\.value) == [value])
  }

  @Test func publicCanBeTakenBack() throws {
    #expect(try ServeLike.parse(["--no-public"]).settings.own.given.map(\.value) == ["false"])
    #expect(try ServeLike.parse([]).settings.own.given.isEmpty)
  }

  @Test func theCommandBehindTwoDashesIsLeftAlone() throws {
    let words = ["--port", "1", "--", "mpv", "--volume=50", "--", "-x", "--help"]
    let serve = try ServeLike.parse(words)
    #expect(serve.command == ["mpv", "--volume=50", "--", "-x", "--help"])
    #expect(serve.settings.shared.port == "1")
    #expect(throws: (any Error).self) { try ServeLike.parse(["mpv"]) }
  }

  @Test(arguments: SettingCase.all)
  func helpSaysWhatIsAllowedAndStandard(_ test: SettingCase) {
    let key = SettingKey.named(test.name)
    let help = ConfigCommand.helpMessage(columns: 1000)
    #expect(help.contains("  --\(test.name.rawValue)"))
    #expect(help.contains(key.help))
    #expect(help.contains("(\(key.allowed); default: \(key.defaultText))"))
  }
}
