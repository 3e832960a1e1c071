internal import AuraAudio
internal import AuraHost
internal import AuraPipelines
internal import AuraStream

/// Everything that `listen` says. For one thread.
final class ListenReport {
  private let output: Output
  private let live: LiveLine
  private let server: ServerAddress
  private var outputDevice: String?
  private var isOutputLost = false
  private var hasConnected = false
  private var lastReason: String?

  init(_ output: Output, server: ServerAddress) {
    self.output = output
    self.server = server
    live = LiveLine(output)
  }

  /// Whether a terminal shows a line that lives.
  var isLive: Bool { live.isLive }

  private func say(
    _ event: String, _ fields: JSONValue = [:], _ text: @autoclosure () -> String?
  ) {
    live.event(event, fields, text: text())
  }

  func warn(_ message: String) {
    say("warning", ["message": .string(message)], "Warning: \(message)")
  }

  func connecting() {
    say(
      "connecting", ["host": .string(server.host), "port": .int(Int64(server.port))],
      lastReason == nil ? "Connecting to \(server)…" : nil)
  }

  func connected(address: String, format: OriginalFormat) {
    lastReason = nil
    let again = hasConnected ? " again" : ""
    hasConnected = true
    let channels =
      format.channels == 1
      ? "mono" : format.channels == 2 ? "stereo" : "\(format.channels) channels"
    say(
      "connected", ["address": .string(address), "format": ServeReport.json(format)],
      "Listening\(again) to \(server): \(format.sampleRate) Hz \(channels), "
        + "\(format.chunkSize) frames a message.")
  }

  func disconnected(reason: String, retryIn: Duration) {
    // The same reason again and again is one line.
    let isNew = reason != lastReason
    lastReason = reason
    say(
      "disconnected",
      ["reason": .string(reason), "retry_in_ms": .milliseconds(retryIn)],
      isNew ? "\(Self.sentence(reason)) Trying again until it works; Ctrl-C ends." : nil)
  }

  private static func sentence(_ text: String) -> String {
    text.last.map { ".!?".contains($0) } ?? true ? text : text + "."
  }

  func played(_ event: StreamEvent) {
    switch event {
    case .running(let device):
      guard device != outputDevice || isOutputLost else { return }
      outputDevice = device
      isOutputLost = false
      say(
        "output", ["state": "running", "device": .string(device)], "Playing to \(device).")
    case .waiting(let reason): lost("waiting", reason)
    case .ended(let reason): lost("lost", reason)
    }
  }

  private func lost(_ state: String, _ reason: String) {
    guard !isOutputLost else { return }
    isOutputLost = true
    say(
      "output", ["state": .string(state), "reason": .string(reason)],
      "Nothing to play to (\(reason)): sound is back when it is.")
  }

  /// A status: the line that lives on a terminal, or one more line of a log.
  func status(_ numbers: Listener.Statistics) {
    if live.isLive {
      live.show(Self.statusText(numbers))
      return
    }
    say(
      "status",
      [
        "state": .string(numbers.state.rawValue), "level_db": .rounded(numbers.decibels),
        "buffer_ms": .milliseconds(numbers.buffer), "output_ms": .milliseconds(numbers.output),
        "delay_ms": .milliseconds(numbers.buffer + numbers.output),
        "target_ms": .milliseconds(numbers.target), "skipped_ms": .milliseconds(numbers.skipped),
        "underruns": .int(Int64(numbers.underruns)), "silent_ms": .milliseconds(numbers.silent),
        "rate_ppm": .rounded(numbers.ratePPM),
        "reconnections": .int(Int64(numbers.reconnections)),
      ], Self.statusText(numbers))
  }

  private static func statusText(_ numbers: Listener.Statistics) -> String {
    guard numbers.state == .playing else {
      return numbers.state == .waiting ? "Waiting for the server…" : "Waiting for the output…"
    }
    let delay = numbers.buffer + numbers.output
    return [
      LevelBar.text(decibels: numbers.decibels),
      "buffer \(Words.milliseconds(numbers.buffer))",
      "delay \(Words.milliseconds(delay)) from network to ear",
      Words.count(numbers.underruns, "gap"),
      "\(Words.milliseconds(numbers.skipped)) skipped",
    ].joined(separator: "  ")
  }

  func summary(_ numbers: Listener.Statistics, running: Duration) {
    say(
      "summary",
      [
        "seconds": .rounded(running.inSeconds), "underruns": .int(Int64(numbers.underruns)),
        "skipped_ms": .milliseconds(numbers.skipped), "silent_ms": .milliseconds(numbers.silent),
        "reconnections": .int(Int64(numbers.reconnections)),
      ],
      "Listened for \(Words.clock(running)): \(Words.count(numbers.underruns, "gap")), "
        + "\(Words.milliseconds(numbers.skipped)) skipped, "
        + "\(Words.count(numbers.reconnections, "reconnection")).")
  }
}
