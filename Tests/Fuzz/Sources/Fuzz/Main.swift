internal import CLibFuzzer
internal import Glibc

/// `Fuzz TARGET [libFuzzer's arguments]`, or `Fuzz --list`, or `Fuzz --seeds FOLDER`.
@main
enum Main {
  /// What libFuzzer calls; it has no other way to know.
  nonisolated(unsafe) private static var chosen: Target?
  /// Where processes that libFuzzer starts find the target's name.
  private static let variable = "FUZZ_TARGET"

  static func main() {
    let arguments = CommandLine.arguments.dropFirst()
    switch arguments.first {
    case "--list":
      for target in Target.all {
        print(target.name, target.executions, target.longest, target.vectors)
      }
    case "--seeds":
      guard let folder = arguments.dropFirst().first else { stop("no folder was given") }
      for target in Target.all { writeSeeds(of: target, into: "\(folder)/\(target.name)") }
    default:
      if let name = arguments.first, !name.hasPrefix("-") {
        unsafe setenv(variable, name, 1)
        // What libFuzzer starts again, to merge, has the same name and no target.
        unsafe CommandLine.unsafeArgv[1] = CommandLine.unsafeArgv[0]
        exit(runDriver(skipping: 1))
      }
      exit(runDriver(skipping: 0))
    }
  }

  /// Gives libFuzzer all arguments but the target's name.
  private static func runDriver(skipping skipped: Int) -> Int32 {
    let name = unsafe getenv(variable).map { unsafe String(cString: $0) }
    guard let target = Target.all.first(where: { $0.name == name }) else {
      stop("the first argument must be --list, --seeds, or one of --list")
    }
    unsafe chosen = target
    var count = CommandLine.argc - Int32(skipped)
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? =
      unsafe CommandLine.unsafeArgv + skipped
    return unsafe LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
      let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
      unsafe Main.chosen?.run(input)
      return 0
    }
  }

  private static func writeSeeds(of target: Target, into folder: String) {
    unsafe mkdir(folder, 0o755)
    for (index, seed) in target.seeds().enumerated() {
      guard let file = unsafe fopen("\(folder)/seed-\(index)", "w") else {
        stop("\(folder) cannot be written")
      }
      unsafe fwrite(seed, 1, seed.count, file)
      unsafe fclose(file)
    }
  }
}

/// Ends the program with a sentence about how it was called.
private func stop(_ sentence: String) -> Never {
  let line = "Fuzz: \(sentence)\n"
  unsafe write(STDERR_FILENO, line, line.utf8.count)
  exit(2)
}
