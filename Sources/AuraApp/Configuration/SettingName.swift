/// Every setting's key: as it stands in the configuration file, in the order people read them.
enum SettingName: String, CaseIterable, Sendable {
  case source
  case defaultOutput = "default-output"
  case alsoPlay = "also-play"
  case mode
  case stdinFormat = "stdin-format"
  case backend
  case preset
  case sampleRate = "sample-rate"
  case channels
  case chunkSize = "chunk-size"
  case port
  case queueSize = "queue-size"
  case maxClients = "max-clients"
  case listenBacklog = "listen-backlog"
  case name
  case httpPort = "http-port"
  case bitrate
  case maxListeners = "max-listeners"
  case allowOrigin = "allow-origin"
  case allowHost = "allow-host"
  case bind
  case address
  case isPublic = "public"
  case mpvSocket = "mpv-socket"
  case output
  case volume
  case balance
  case isMono = "mono"
  case record
  case overwrite
  case offset
  case buffer
  case delay
  case minDelay = "min-delay"
  case maxDelay = "max-delay"
  case protocolChoice = "protocol"
  case codec
  case token
  case logFormat = "log-format"
  case statusEvery = "status-every"
  case stats

  /// As it is written on the command line.
  var option: String { "--\(rawValue)" }

  /// As it is written in the environment.
  var variable: String {
    "AURALYNC_" + rawValue.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
  }
}

extension SettingName {
  /// The name that somebody most likely meant by `word`; nil when none is near.
  static func nearest(to word: String) -> SettingName? {
    let wanted = Array(word.lowercased().map { $0 == "_" || $0 == " " ? "-" : $0 })
    // A short word turns into any other with few changes: allow one change for each three letters.
    let allowed = min(3, max(1, wanted.count / 3))
    let nearest =
      allCases
      .map { (name: $0, distance: editDistance(wanted, Array($0.rawValue))) }
      .min { $0.distance < $1.distance }
    guard let nearest, nearest.distance <= allowed else { return nil }
    return nearest.name
  }
}

/// How many letters must be added, removed or changed to turn one word into the other.
private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
  var row = Array(0...b.count)
  for (i, letter) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, other) in b.enumerated() {
      let changed = diagonal + (letter == other ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(changed, diagonal + 1, row[j] + 1)
    }
  }
  return row[b.count]
}
