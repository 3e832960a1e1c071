internal import ArgumentParser
internal import AuraBench
internal import AuraHost
internal import AuraWeb
internal import Glibc

/// `auralync bench`: many listeners at once, to see what a server can carry.
///
/// A subcommand and no program of its own: whoever has the server has the means to test it, in the same
/// version.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Listen many times over, to see what a server can carry.",
    discussion: """
      Each listener joins over WHEP, shakes hands and receives encrypted sound as a browser does, or \
      connects by the original protocol; what comes is counted and thrown away. The server is found as \
      `listen` finds it. Ctrl-C ends it early, with what was found so far. Only against servers on \
      this computer, unless you say that the network is yours: for others this is an attack.
      """)

  @Argument(
    help: ArgumentHelp(
      "HOST, HOST:PORT or a URL, such as http://127.0.0.1:8080/whep/main.", valueName: "server"))
  var server: String

  @Option(
    name: .customLong("protocol"),
    help: "How to listen: \(ProtocolChoice.allCases.map(\.rawValue).joined(separator: ", ")).")
  var way = ProtocolChoice.auto

  @Option(help: "How many listeners.") var listeners = 100
  @Option(help: "How many begin to join each second.") var joinRate = 50.0
  @Option(help: "How many seconds to measure.") var duration = 20.0
  @Flag(help: "Count packets by their headers, without decrypting them.") var countOnly = false
  @Flag(help: "Write one JSON object; how far it is goes to standard error.") var json = false
  @Flag(help: "Test a server on another computer of a network that is yours.")
  var yesIOwnThisNetwork = false

  func validate() throws {
    guard (1...60_000).contains(listeners) else {
      throw ValidationError("--listeners takes 1 to 60000.")
    }
    guard joinRate > 0, joinRate <= 10_000 else {
      throw ValidationError("--join-rate takes more than 0 and at most 10000.")
    }
    guard duration >= 1, duration <= 86_400 else {
      throw ValidationError("--duration takes 1 to 86400 seconds.")
    }
  }

  func run() async throws {
    var settings = Settings()
    settings.protocolChoice = way
    let found = try ListenPlan(server, settings)
    guard yesIOwnThisNetwork || BenchPlan.isOwn(found.server.host) else {
      throw UserError(
        "\(found.server.host) is not known to be this computer. Give one of its addresses, or say "
          + "--yes-i-own-this-network.")
    }
    let needed = listeners + 200
    let files = HostLimits.raiseOpenFiles()
    guard files >= needed else {
      throw UserError(
        "\(listeners) listeners need \(needed) open files, and \(files) are allowed. Run "
          + "`ulimit -n \(needed)` before, or take fewer.")
    }
    var plan = BenchPlan(
      try await Self.target(found), listeners: listeners, joinRate: joinRate,
      duration: .seconds(duration))
    plan.opensMedia = !countOnly
    let bench = BenchRun(plan)
    let screen = Output(format: .text)
    let live = LiveLine(screen)
    let log = Output(format: .text, descriptor: STDERR_FILENO)
    var isMeasuring = false
    SignalWakeUp.install()
    let running = Task { try await bench.run() }
    while !bench.progress.isFinished {
      if SignalWakeUp.received != nil { running.cancel() }
      let progress = bench.progress
      let line = Self.line(progress, of: listeners)
      if !json { live.show(line) }
      if json, progress.isMeasuring, !isMeasuring {
        isMeasuring = true
        log.line(line)
      }
      try? await Task.sleep(for: .milliseconds(json ? 100 : 250))
    }
    let report = try await running.value
    if json {
      screen.line(report.json.json)
    } else {
      live.show("")
      for line in report.lines { screen.line(line) }
    }
  }

  /// Asks where the server has its endpoint; nobody is joined yet.
  private static func target(_ plan: ListenPlan) async throws -> BenchPlan.Target {
    if let endpoint = plan.endpoint, endpoint.path != "/" { return .whep(endpoint) }
    let original = BenchPlan.Target.original(host: plan.server.host, port: plan.server.port)
    if plan.choice == .original { return original }
    var failure: (any Error)?
    for port in plan.webPorts {
      do throws(WHEPClientError) {
        if let endpoint = try await WHEPClient().endpoints(
          of: plan.endpoint ?? WHEPAddress(host: plan.server.host, port: port, path: "/")
        ).first {
          // A crowd goes where its owner has sent it.
          guard endpoint.host.lowercased() == plan.server.host.lowercased() else {
            throw WHEPClientError.redirected(endpoint)
          }
          return .whep(endpoint)
        }
        failure = WHEPClientError.notHTTP(
          WHEPAddress(host: plan.server.host, port: port, path: "/api/status"))
      } catch {
        failure = error
      }
    }
    guard plan.choice == .auto else {
      throw UserError("\(failure.map { "\($0)" } ?? "There is no endpoint at \(plan).")")
    }
    return original
  }

  private static func line(_ progress: BenchRun.Progress, of all: Int) -> String {
    let failed = progress.failed > 0 ? ", \(progress.failed) failed" : ""
    return progress.isMeasuring
      ? "\(Words.count(progress.joined, "listener")) hear; measuring"
      : "\(progress.joined) of \(Words.count(all, "listener")) joined\(failed)"
  }
}

extension BenchReport {
  /// A table for people.
  var lines: [String] {
    var rows: [(String, String)] = [
      ("listeners", "\(asked) asked, \(joined) joined, \(stayed) heard to the end"),
      ("joining", "\(Words.decimal(joinRate)) a second; \(joining.text)"),
      ("measured", "\(Words.decimal(seconds)) s"),
      ("packets", "\(received) of \(expected), \(late) late, \(duplicates) twice"),
      ("lost", Self.percent(loss)),
      ("never sent", "\(unsent) of \(due) that were due, \(Self.percent(unsentShare))"),
      ("arrival gap", gaps.text),
      ("the machine's own", baseline.text),
      (
        "fairness",
        "\((fairness * 10_000).rounded() / 10_000); \(fewest) to \(most) packets a listener"
      ),
      (
        "this program",
        "\(Words.decimal(load * 100)) % busy, \(Words.decimal(longestRound)) ms at most behind, "
          + "\(Words.decimal(longestOversleep)) ms without a processor"
      ),
    ]
    for (reason, count) in failures.sorted(by: { $0.value > $1.value }).prefix(5) {
      rows.append(("failed", "\(count): \(reason)"))
    }
    let width = rows.map(\.0.count).max() ?? 0
    let table = rows.map { $0.0 + String(repeating: " ", count: width - $0.0.count + 2) + $0.1 }
    return table
      + (isBottleneck
        ? ["This program was too slow for so many: believe the server to be better than this."]
        : [])
  }

  private static func percent(_ share: Double) -> String {
    "\((share * 100_000).rounded() / 1_000) %"
  }

  var json: JSONValue {
    [
      "asked": .int(Int64(asked)), "joined": .int(Int64(joined)), "stayed": .int(Int64(stayed)),
      "joins_per_second": .double(joinRate), "joining_ms": joining.json,
      "seconds": .double(seconds), "expected": .int(Int64(expected)),
      "received": .int(Int64(received)), "late": .int(Int64(late)),
      "duplicates": .int(Int64(duplicates)), "loss": .double(loss), "due": .int(Int64(due)),
      "unsent": .int(Int64(unsent)), "unsent_share": .double(unsentShare), "gap_ms": gaps.json,
      "baseline_ms": baseline.json,
      "fewest": .int(Int64(fewest)), "most": .int(Int64(most)), "fairness": .double(fairness),
      "bench_load": .double(load), "bench_longest_round_ms": .double(longestRound),
      "bench_longest_oversleep_ms": .double(longestOversleep),
      "bench_was_bottleneck": .bool(isBottleneck),
      "failures": .object(
        failures.sorted { $0.key < $1.key }.map {
          JSONValue.Member(name: $0.key, value: .int(Int64($0.value)))
        }),
    ]
  }
}

extension BenchReport.Spread {
  fileprivate var text: String {
    "median \(Words.decimal(median)), 99 % \(Words.decimal(p99)), 99.9 % \(Words.decimal(p999)), "
      + "most \(Words.decimal(most)) ms"
  }

  fileprivate var json: JSONValue {
    [
      "count": .int(Int64(count)), "p50": .double(median), "p90": .double(p90), "p99": .double(p99),
      "p999": .double(p999), "max": .double(most),
    ]
  }
}

extension ProtocolChoice: ExpressibleByArgument {}
