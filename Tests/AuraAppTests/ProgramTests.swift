internal import ArgumentParser
internal import Testing

@testable internal import AuraApp

@Suite struct ProgramTests {
  @Test func versionAndHelp() async {
    #expect(await Program.run(["--version"]) == Program.End(output: AuraLync.version))
    for words in [["--help"], [], ["config", "--help"], ["help", "config"]] {
      let end = await Program.run(words)
      #expect(end.status == 0)
      #expect(end.output?.contains("USAGE: auralync") == true)
      #expect(end.errorLine == nil)
    }
  }

  @Test func wrongCommandLines() async {
    for (words, beginning) in [
      (["confg"], "auralync: Unexpected argument 'confg'"),
      (["config", "--prot", "1"], "auralync: Unknown option '--prot'. Did you mean '--port'?"),
      (["config", "--port"], "auralync: Missing value for '--port <port>'. See"),
      (["config", "--port", "70000"], "auralync: --port must be 0–65535, not 70000."),
      (["config", "x"], "auralync: Unexpected argument 'x'. See 'auralync config --help'"),
    ] {
      let end = await Program.run(words)
      #expect(end.status == 64)
      #expect(end.output == nil)
      #expect(end.errorLine?.hasPrefix(beginning) == true, "\(end)")
      #expect(end.errorLine?.contains("\n") == false)
      #expect(end.errorLine?.hasSuffix(".") == true)
    }
  }

  @Test func errorsOfCommands() {
    struct Broken: Error, CustomStringConvertible { var description = "it\nbroke" }
    #expect(
      Program.end(with: UserError("Bad. Do.", exitCode: 7))
        == Program.End(status: 7, errorLine: "auralync: Bad. Do."))
    #expect(
      Program.end(with: Broken()) == Program.End(status: 1, errorLine: "auralync: it broke."))
    #expect(Program.end(with: ExitCode(137)) == Program.End(status: 137))
    #expect(Program.end(with: ExitCode(0)).errorLine == nil)
  }
}
