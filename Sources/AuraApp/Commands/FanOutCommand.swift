internal import ArgumentParser
internal import AuraHost
internal import AuraStream
internal import AuraTransport

/// `auralync fanout`: what sending costs, for `script/bench`. Not for people, so help leaves it out.
struct FanOutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fanout",
    abstract: "Measure what sending costs, on a network that swallows everything.",
    shouldDisplay: false)

  @Option(help: "Listeners, at as many addresses in a row.") var listeners = 1_000
  @Option(help: "The first of their addresses.") var first = "10.0.0.1"
  @Option(help: "Bytes in a frame.") var payload = 160
  @Option(help: "Seconds for each way.") var seconds = 2.0
  @Option(help: "Times around.") var rounds = 3

  func run() throws {
    guard let first = IPAddress(first), first.isIPv4, (1...100_000).contains(listeners),
      (1...1_100).contains(payload), (0.1...60).contains(seconds), (1...100).contains(rounds)
    else { throw UserError("These numbers make no sense.", exitCode: UserError.usage) }
    HostLimits.raiseOpenFiles()
    let trial = FanOutTrial(
      listeners: listeners, first: first, payloadBytes: payload, duration: .seconds(seconds))
    let output = Output(format: .text)
    for round in 1...rounds {
      // One after the other, so that a machine's good and bad moments are shared out.
      for threads in [1, 2] {
        for way in FanOutTrial.Way.allCases {
          let result = try trial.run(way, threads: threads)
          output.line(Self.json(result, way, threads: threads, round: round).json)
        }
      }
    }
  }

  private static func json(
    _ result: FanOutTrial.Result, _ way: FanOutTrial.Way, threads: Int, round: Int
  ) -> JSONValue {
    [
      "round": .int(Int64(round)), "way": .string(way.rawValue), "threads": .int(Int64(threads)),
      "packets": .int(Int64(result.packets)), "dropped": .int(Int64(result.dropped)),
      "processor_seconds": .double(result.processor.inSeconds),
      "seconds": .double(result.elapsed.inSeconds),
    ]
  }
}
