internal import ArgumentParser
internal import Glibc

/// The entry: parses the command line, runs the command, and turns any error into one line.
@main
enum Program {
  static func main() async {
    // A reader that goes away must not kill us before everything is put back: writes fail instead.
    signal(SIGPIPE, SIG_IGN)
    let end = await run(Array(CommandLine.arguments.dropFirst()))
    if let text = end.output { _ = writeAll(Array((text + "\n").utf8), to: STDOUT_FILENO) }
    if let line = end.errorLine { _ = writeAll(Array((line + "\n").utf8), to: STDERR_FILENO) }
    exit(end.status)
  }

  /// How a run ended.
  struct End: Equatable {
    var status: Int32 = 0
    /// For standard output: help or version.
    var output: String?
    /// For standard error, already with the program's name.
    var errorLine: String?
  }

  /// Runs one command line, without the program's name.
  static func run(_ arguments: [String]) async -> End {
    do {
      var command = try AuraLync.parseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      return End()
    } catch {
      return end(with: error)
    }
  }

  /// What an error means for the one who started us.
  static func end(with error: any Error) -> End {
    if let error = error as? UserError {
      return End(status: error.exitCode, errorLine: "auralync: \(error.message)")
    }
    let code = AuraLync.exitCode(for: error)
    if code == .success { return End(output: AuraLync.message(for: error)) }
    if error is ExitCode { return End(status: code.rawValue) }
    guard code == .validationFailure else {
      return End(status: code.rawValue, errorLine: "auralync: \(sentence("\(error)"))")
    }
    // A wrong command line: the parser's sentence, and its own hint where to read more.
    let hint = AuraLync.fullMessage(for: error).split(separator: "\n").last ?? ""
    return End(
      status: UserError.usage,
      errorLine: "auralync: \(sentence(AuraLync.message(for: error))) \(String(hint).trimmed)")
  }

  /// One line that ends like a sentence.
  private static func sentence(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).map { String($0).trimmed }
      .joined(separator: " ").withoutControlCharacters
    return line.last.map { ".?!".contains($0) } ?? true ? line : line + "."
  }
}
