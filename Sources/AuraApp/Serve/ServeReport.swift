internal import AuraAudio
internal import AuraHost
internal import AuraPipelines
internal import AuraStream
internal import AuraTransport
internal import AuraWeb

/// Everything that `serve` says. For one thread.
final class ServeReport {
  private let output: Output
  private let live: LiveLine
  private var capture = CaptureState.starting
  private var wasEverRunning = false
  private var lateListeners = 0

  private enum CaptureState: Equatable {
    case starting
    case running(String)
    case waiting
    case lost
  }

  init(_ output: Output) {
    self.output = output
    live = LiveLine(output)
  }

  /// Whether a terminal shows a line that lives.
  var isLive: Bool { live.isLive }

  private func say(
    _ event: String, _ fields: JSONValue = [:], _ text: @autoclosure () -> String?
  ) {
    live.event(event, fields, text: text())
  }

  // MARK: At the start

  /// What is on the air, and where.
  struct Start {
    var source: SourceSetting
    var backend: SoundBackend?
    /// The broadcast's, for people.
    var name: String
    var format: OriginalFormat
    var profile: OpusProfile
    /// Addresses that others can connect to, the likeliest first.
    var addresses: [IPAddress]
    /// What was bound; empty means everything.
    var bound: [String]
    var port: Int
    /// Where browsers find the page, the likeliest first.
    var pages: [PageAddress]
    /// Who can hear: the networks, or nil for everyone who can reach us.
    var networks: [IPNetwork]?
  }

  func started(_ start: Start) {
    let places = start.addresses.map { "\($0.bracketed):\(start.port)" }
    let format = start.format
    say(
      "serving",
      [
        "source": .string(start.source.text),
        "backend": start.backend.map { .string($0.rawValue) } ?? .null,
        "addresses": .array(places.map { .string($0) }),
        "bound": .array(Self.bound(start).map { .string($0) }),
        "port": .int(Int64(start.port)), "http_port": .int(Int64(start.pages.first?.port ?? 0)),
        "pages": .array(start.pages.map { .string($0.url) }),
        "broadcasts": [
          [
            "slug": .string(WebDoor.slug), "name": .string(start.name),
            "whep": .string("/whep/\(WebDoor.slug)"),
          ]
        ],
        "opus": [
          "bitrate": .int(Int64(start.profile.bitrate)),
          "packet_ms": .milliseconds(start.profile.ptime),
          "bytes_per_second_per_listener": .int(Int64(start.profile.bytesPerSecond)),
        ],
        "format": Self.json(format),
        "bytes_per_second_per_listener": .int(Int64(format.bytesPerSecond)),
        "networks": start.networks.map { .array($0.map { .string($0.description) }) } ?? .null,
      ], nil)
    guard output.format == .text else { return }
    output.line("AuraLync \(AuraLync.version) gives \(Self.words(for: start)) to everyone here.")
    if live.isLive, let page = start.pages.first { drawCode(of: page) }
    for (index, page) in start.pages.enumerated() {
      output.line((index == 0 ? "In a browser:  " : "          or   ") + page.url)
    }
    if let page = start.pages.first {
      output.line(
        "On a big screen: \(page.url)join shows the code, the address and how many listen.")
    }
    let webPort = start.pages.first?.port ?? ListenPlan.webPort
    for (index, address) in start.addresses.enumerated() {
      let isUsual = webPort == ListenPlan.webPort
      let place = isUsual ? "\(address)" : "\(address.bracketed):\(webPort)"
      output.line((index == 0 ? "In a terminal: " : "          or   ") + "auralync listen \(place)")
    }
    let channels = format.channels == 1 ? "mono" : "stereo"
    output.line("The original AuraLync connects to port \(start.port) of the same addresses.")
    output.line(
      "Each of these takes \(Words.bytes(start.profile.bytesPerSecond))/s: Opus, "
        + "\(start.profile.bitrate / 1000) kbit/s, \(Words.milliseconds(start.profile.ptime)) a packet;"
    )
    output.line(
      "the original \(Words.bytes(format.bytesPerSecond))/s: \(format.sampleRate) Hz \(channels), "
        + "\(format.chunkSize) frames (\(Words.milliseconds(format.chunkDuration))) a message.")
    output.line(Self.whoCanHear(start))
  }

  /// When everyone hears; live mode from the beginning needs no words.
  func presented(_ mode: BroadcastMode, _ delay: Duration, isNews: Bool = true) {
    let isFilm = mode == .film
    let words =
      isFilm
      ? "Film mode: everyone hears \(Words.milliseconds(delay)) after the capture."
      : "Live mode: everyone hears as soon as they can."
    say(
      "presentation",
      ["mode": .string(mode.rawValue), "delay_ms": isFilm ? .milliseconds(delay) : .null],
      isFilm || isNews ? words : nil)
  }

  /// Those whom nobody waits for: when there are more or fewer of them.
  func late(_ listeners: Int, _ most: Duration, _ choice: DelayChoice) {
    guard listeners != lateListeners else { return }
    lateListeners = listeners
    let bound =
      switch choice {
      case .said: "the delay is what was said"
      case .automatic(let cap): "nobody is waited for longer than \(Words.milliseconds(cap))"
      }
    say(
      "late", ["listeners": .int(Int64(listeners)), "late_ms": .milliseconds(most)],
      listeners == 0
        ? "Everyone hears at the same time again."
        : "\(Words.count(listeners, "listener")) \(listeners == 1 ? "needs" : "need") longer, and "
          + "\(listeners == 1 ? "hears" : "hear") up to \(Words.milliseconds(most)) after the others: \(bound)."
    )
  }

  /// What may be pressed from now on.
  func explainKeys() { output.line(HostKey.help) }

  /// Whether the player of `--mpv-socket` is there.
  func picture(isHeld: Bool) {
    say(
      "picture", ["held": .bool(isHeld)],
      isHeld ? "mpv is there: its picture waits for the sound." : "mpv has gone.")
  }

  /// The page's address for a phone's camera, where it fits.
  private func drawCode(of page: PageAddress) {
    guard let code = QRCode(page.url), let columns = TerminalInfo.columns(.output),
      columns >= TerminalCode.columns(of: code)
    else { return }
    for row in TerminalCode.rows(of: code) { output.write(row + "\n") }
  }

  private static func bound(_ start: Start) -> [String] {
    let addresses = start.bound.isEmpty ? ["0.0.0.0", "::"] : start.bound
    return addresses.map { $0.contains(":") ? "[\($0)]:\(start.port)" : "\($0):\(start.port)" }
  }

  static func json(_ format: OriginalFormat) -> JSONValue {
    [
      "sample_rate": .int(Int64(format.sampleRate)), "channels": .int(Int64(format.channels)),
      "chunk_size": .int(Int64(format.chunkSize)),
    ]
  }

  private static func words(for start: Start) -> String {
    start.source.words(start.backend?.displayName)
  }

  private static func whoCanHear(_ start: Start) -> String {
    let places = start.bound.isEmpty ? "all addresses" : start.bound.joined(separator: ", ")
    guard let networks = start.networks else {
      return "Open on \(places) to anyone who can reach this computer (--public)."
    }
    let others = networks.filter { !$0.address.isLoopback && !$0.address.isLinkLocal }
    guard !others.isEmpty else {
      return "Open on \(places) to this computer alone: it has no network."
    }
    return "Open on \(places) to anyone on \(list(others)); to nobody farther away."
  }

  private static func list(_ networks: [IPNetwork]) -> String {
    let names = networks.map(\.description)
    guard let last = names.last, names.count > 1 else { return names.first ?? "" }
    return names.dropLast().joined(separator: ", ") + " and " + last
  }

  func privateServer(
    runtimeDirectory: String, environment: [String: String], hint: String, isForCommand: Bool
  ) {
    let members = environment.sorted { $0.key < $1.key }.map {
      JSONValue.Member(name: $0.key, value: .string($0.value))
    }
    say(
      "private-server",
      ["runtime_dir": .string(runtimeDirectory), "environment": .object(members)],
      isForCommand
        ? nil : "No sound server runs here, so there is a private one. Play into it with:")
    if output.format == .text, !isForCommand { output.line("    " + hint) }
  }

  // MARK: While it runs

  func warn(_ message: String) {
    say("warning", ["message": .string(message)], "Warning: \(message)")
  }

  func captured(_ event: StreamEvent) {
    switch event {
    case .running(let device):
      guard capture != .running(device) else { return }
      capture = .running(device)
      let again = wasEverRunning ? " again" : ""
      wasEverRunning = true
      sayCapture("running", device: device, nil, "Taking sound\(again) from \(device).")
    case .waiting(let reason):
      // After a lost server this is only the way back.
      guard capture != .waiting, capture != .lost else { return }
      capture = .waiting
      sayCapture(
        "waiting", device: nil, reason,
        "Nothing to capture (\(reason)): listeners hear silence until there is.")
    case .ended(let reason):
      guard capture != .lost else { return }
      capture = .lost
      sayCapture(
        "lost", device: nil, reason,
        "Capture has stopped (\(reason)): listeners hear silence until it resumes.")
    }
  }

  /// What becomes of the output that plays along.
  func hostOutput(_ event: StreamEvent) {
    switch event {
    case .running(let device):
      say("also-play", ["state": "running", "device": .string(device)], "\(device) plays along.")
    case .waiting(let reason), .ended(let reason):
      say(
        "also-play", ["state": "waiting", "reason": .string(reason)],
        "Nothing plays along here (\(reason)) until that is back.")
    }
  }

  /// A file, or standard input, has come to its end.
  func sourceEnded(_ reason: String) {
    sayCapture(
      "ended", device: nil, reason.isEmpty ? nil : reason,
      reason.isEmpty ? "That was all the sound." : "The sound has ended: \(reason)")
  }

  private func sayCapture(_ state: String, device: String?, _ reason: String?, _ text: String) {
    var members: [JSONValue.Member] = [.init(name: "state", value: .string(state))]
    if let device { members.append(.init(name: "device", value: .string(device))) }
    if let reason { members.append(.init(name: "reason", value: .string(reason))) }
    say("capture", .object(members), text)
  }

  func client(_ event: OriginalServer.Event) {
    switch event {
    case .connected(let address, let clients):
      sayClient("connected", address, clients, nil, "\(address) listens")
    case .left(let address, let clients):
      sayClient("left", address, clients, nil, "\(address) has left")
    case .closed(let address, let clients, let reason):
      sayClient("closed", address, clients, reason, "\(address) was closed: \(reason)")
    case .refused(let address, let clients, let reason):
      sayClient("refused", address, clients, reason, "\(address) was refused: \(reason)")
    case .noRoom:
      warn(
        "the system has no file descriptor left for more listeners; raise the limit (ulimit -n).")
    }
  }

  func listener(_ event: WebRTCServer.Event) {
    switch event {
    case .connected(_, let address, let count):
      sayClient("connected", address, count, nil, "\(address) listens", .webrtc)
    case .left(_, let address, let count):
      sayClient("left", address, count, nil, "\(address) has left", .webrtc)
    case .closed(_, let address, let count, let reason):
      sayClient("closed", address, count, reason, "\(address) was closed: \(reason)", .webrtc)
    case .failed(_, let address, let reason):
      let who = address.isEmpty ? "somebody who was let in" : address
      sayClient("failed", address, nil, reason, "\(who) did not come to hear: \(reason)", .webrtc)
    }
  }

  private enum Transport: String { case tcp, webrtc }

  /// How many listen by each transport, as its last event said.
  private var countByTransport: [Transport: Int] = [:]
  private var mostListeners = 0

  private func sayClient(
    _ state: String, _ address: String, _ count: Int?, _ reason: String?, _ text: String,
    _ transport: Transport = .tcp
  ) {
    if let count { countByTransport[transport] = count }
    let listeners = countByTransport.values.reduce(0, +)
    mostListeners = max(mostListeners, listeners)
    var members: [JSONValue.Member] = [
      .init(name: "state", value: .string(state)),
      .init(name: "address", value: .string(address)),
      .init(name: "transport", value: .string(transport.rawValue)),
      .init(name: "listeners", value: .int(Int64(listeners))),
    ]
    if let reason { members.append(.init(name: "reason", value: .string(reason))) }
    say("client", .object(members), "\(text) (\(Words.count(listeners, "listener"))).")
  }

  /// A status: the line that lives on a terminal, or one more line of a log.
  func status(_ numbers: Broadcast.Statistics) {
    if live.isLive {
      live.show(Self.statusText(numbers))
      return
    }
    say("status", Self.statusJSON(numbers), Self.statusText(numbers))
  }

  private static func statusText(_ numbers: Broadcast.Statistics) -> String {
    let server = numbers.server
    var parts = [
      LevelBar.text(decibels: numbers.decibels), Words.count(numbers.listeners, "listener"),
      "\(server.droppedChunks + server.overflowedChunks + numbers.webRTC.dropped) dropped",
    ]
    if numbers.listeners > 0 {
      parts.append("sound up to \(Words.milliseconds(numbers.oldest)) old")
    }
    if numbers.discarded > .zero {
      parts.append("\(Words.milliseconds(numbers.discarded)) discarded")
    }
    if let claimed = numbers.claimed { parts.append("players told \(Words.milliseconds(claimed))") }
    if numbers.missing > .zero { parts.append("\(Words.milliseconds(numbers.missing)) missing") }
    parts.append(Words.clock(numbers.media))
    return parts.joined(separator: "  ")
  }

  private static func statusJSON(_ numbers: Broadcast.Statistics) -> JSONValue {
    [
      "listeners": .int(Int64(numbers.listeners)),
      "web_listeners": .int(Int64(numbers.webRTC.playing)),
      "send_delay_ms": numbers.webRTC.sendDelay.map { .milliseconds($0) } ?? .null,
      "dropped_packets": .int(Int64(numbers.webRTC.dropped)),
      "level_db": .rounded(numbers.decibels),
      "dropped_chunks": .int(Int64(numbers.server.droppedChunks)),
      "overflowed_chunks": .int(Int64(numbers.server.overflowedChunks)),
      "oldest_ms": .milliseconds(numbers.server.oldest),
      "discarded_ms": .milliseconds(numbers.discarded),
      "missing_ms": .milliseconds(numbers.missing),
      "media_seconds": .rounded(numbers.media.inSeconds),
      "claimed_ms": numbers.claimed.map { .milliseconds($0) } ?? .null,
    ]
  }

  // MARK: At the end

  func summary(_ numbers: Broadcast.Statistics, running: Duration) {
    let server = numbers.server
    say(
      "summary",
      [
        "seconds": .rounded(running.inSeconds),
        "clients_served": .int(Int64(numbers.served)),
        "most_listeners": .int(Int64(mostListeners)),
        "refused": .int(Int64(server.clientsRefused)),
        "bytes_sent": .int(Int64(numbers.bytesSent)),
        "dropped_chunks": .int(Int64(server.droppedChunks)),
        "dropped_packets": .int(Int64(numbers.webRTC.dropped)),
        "discarded_ms": .milliseconds(numbers.discarded),
        "missing_ms": .milliseconds(numbers.missing),
      ],
      "Served \(Words.count(numbers.served, "listener")) in \(Words.clock(running)), "
        + "\(mostListeners) at most at once; \(Words.bytes(numbers.bytesSent)) sent, "
        + "\(server.droppedChunks + numbers.webRTC.dropped) dropped, \(Words.milliseconds(numbers.discarded)) discarded, "
        + "\(Words.milliseconds(numbers.missing)) missing.")
  }
}

extension JSONValue {
  /// Milliseconds with one digit behind the point.
  static func milliseconds(_ duration: Duration) -> JSONValue { .rounded(duration.inMilliseconds) }

  /// A number with one digit behind the point.
  static func rounded(_ value: Double) -> JSONValue { .double((value * 10).rounded() / 10) }
}
