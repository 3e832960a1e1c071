internal import AuraStream

extension Target {
  /// A listener's session: datagrams along a dozen paths, true ones and forged ones, and time.
  static let session = Target(
    name: "session", executions: 8_000, longest: 400,
    run: { bytes in
      var program = ByteProgram(bytes)
      var run = SessionRun(canHandshake: program.byte() & 7 != 7)
      while !program.isAtEnd { run.step(&program) }
    }, seeds: { sessionSeeds })
}

/// From the first check to the end; what the numbers mean stands in `SessionRun.step`.
private let sessionSeeds: [[UInt8]] = {
  let join: [UInt8] = [0, 0, 3, 1, 6, 1, 40, 40, 3, 6, 3, 9, 100, 3]
  let report: [UInt8] = [8, 1, 25, 0, 0, 0, 9, 0, 0, 0, 48, 0, 0, 0, 0, 0, 9, 3]
  let requests: [UInt8] = [9, 2, 0, 5, 0, 99, 3]
  return [
    join + report + requests + [0, 4, 1, 13, 0, 4],
    join + [5, 5, 5, 11, 3, 1, 5, 5, 5, 5, 5, 5, 5, 5],
    [0] + (0..<12).flatMap { [0, $0, $0 & 1] } + [3, 1, 5, 3, 0x81, 9, 20, 2, 3, 3, 7],
    join + [0, 5, 1, 0, 6, 0, 4, 8, 0, 0, 7, 1, 6, 5, 0, 0, 3], join + [0xfe], [0, 5, 5],
    join + [13, 1, 3], join + [13, 2, 3, 0, 3, 1],
    [0, 0, 3, 1, 6, 2, 31, 1, 3, 6, 2, 31, 1, 3, 5, 5, 5, 6, 4, 0, 0, 3],
    join + [10, 8, 0, 1, 0, 0, 0, 0, 0, 0, 3, 12, 4, 0x80, 0x6f, 1, 2, 3, 2, 3, 3, 1],
  ]
}()
