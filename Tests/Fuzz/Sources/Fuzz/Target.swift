/// One thing that is fuzzed. A new one is a file in `Targets` and a line in `all`.
struct Target: Sendable {
  /// Its name, and its folder's in `Corpus`.
  let name: String
  /// Inputs tried in a short run: two seconds or so.
  let executions: Int
  /// The longest input worth trying, in bytes.
  let longest: Int
  /// A folder of `Tests/Vectors` whose files are inputs too; `-` for none.
  var vectors = "-"
  /// Tries one input: traps, by `check` or by itself, when something is wrong.
  let run: @Sendable ([UInt8]) -> Void
  /// Inputs to begin with, made by the project's own writers.
  var seeds: @Sendable () -> [[UInt8]] = { [] }

  static let all: [Target] = [
    // Texts.
    .sessionDescription, .playerAnswer, .announcement, .addresses, .webOrigin, .settings,
    .configuration, .firewall, .joining,
    // Datagrams.
    .stun, .rtp, .rtcp, .srtp, .srtcp, .dtls, .handshake, .opus,
    // State machines.
    .session, .player, .flow, .history, .redundancy, .original, .cursor, .admission, .playout,
    .timeline, .conductor, .clocks, .presentation, .rules,
  ]
}

/// What must be true whatever comes in.
func check(
  _ isTrue: @autoclosure () -> Bool, _ rule: @autoclosure () -> String,
  file: StaticString = #fileID, line: UInt = #line
) {
  if !isTrue() { fatalError("this rule is broken: \(rule())", file: file, line: line) }
}
