internal import AuraHost
internal import AuraListener
internal import AuraPipelines
internal import AuraStream

/// Everything that `listen` says. For one thread.
final class ListenReport {
  private let output: Output
  private let live: LiveLine
  private let plan: ListenPlan
  private let showsTable: Bool
  private var outputDevice: String?
  private var isOutputLost = false
  private var hasConnected = false
  /// Why there was no connection since the last one; a few at most.
  private var reasons: [String] = []
  private static let mostReasons = 8

  /// - Parameters:
  ///   - output: where to.
  ///   - plan: what was asked for.
  ///   - showsTable: whether a terminal shows all numbers, and not a line of them.
  init(_ output: Output, plan: ListenPlan, showsTable: Bool) {
    self.output = output
    self.plan = plan
    self.showsTable = showsTable
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
      "connecting", ["host": .string(plan.server.host), "port": .int(Int64(plan.server.port))],
      reasons.isEmpty ? "Connecting to \(plan)…" : nil)
  }

  func connected(to address: String, over carrier: BroadcastListener.Carrier) {
    reasons = []
    let again = hasConnected ? " again" : ""
    hasConnected = true
    switch carrier {
    case .original(let rate, let count, let frames):
      let channels = count == 1 ? "mono" : count == 2 ? "stereo" : "\(count) channels"
      let format = OriginalFormat(sampleRate: rate, channels: count, chunkSize: frames)
      say(
        "connected",
        [
          "address": .string(address), "protocol": "original", "format": ServeReport.json(format),
        ],
        "Listening\(again) to \(plan.server) over the original protocol: \(rate) Hz "
          + "\(channels), \(frames) frames a message.")
    case .opus: connected(again, to: address, "opus", "Opus")
    case .uncompressed(let bits):
      connected(again, to: address, "L\(bits)", "uncompressed (L\(bits))")
    }
  }

  private func connected(_ again: String, to endpoint: String, _ codec: String, _ words: String) {
    say(
      "connected",
      ["address": .string(endpoint), "protocol": "whep", "codec": .string(codec)],
      "Listening\(again) to \(endpoint) over WebRTC: \(words), encrypted.")
  }

  func disconnected(reason: String, retryIn: Duration) {
    // The same reasons again and again, perhaps in turn, are a line each.
    let isNew = !reasons.contains(reason) && reasons.count < Self.mostReasons
    if isNew { reasons.append(reason) }
    say(
      "disconnected",
      ["reason": .string(reason), "retry_in_ms": .milliseconds(retryIn)],
      isNew ? "\(Self.sentence(reason)) Trying again until it works; Ctrl-C ends." : nil)
  }

  private static func sentence(_ text: String) -> String {
    text.last.map { ".!?".contains($0) } ?? true ? text : text + "."
  }

  /// What may be pressed from now on.
  func explainKeys(isRemembered: Bool) {
    output.line(ListenKey.help(isRemembered: isRemembered))
  }

  func playing(to device: String, offset: Duration) {
    guard device != outputDevice || isOutputLost else { return }
    outputDevice = device
    isOutputLost = false
    say(
      "output",
      ["state": "running", "device": .string(device), "offset_ms": .milliseconds(offset)],
      offset == .zero
        ? "Playing to \(device)."
        : "Playing to \(device), whose headphone adds \(Words.milliseconds(offset)); --offset 0 "
          + "forgets that.")
  }

  func outputLost(_ state: String, _ reason: String) {
    guard !isOutputLost else { return }
    isOutputLost = true
    say(
      "output", ["state": .string(state), "reason": .string(reason)],
      "Nothing to play to (\(reason)): sound is back when it is.")
  }

  /// Nobody waits for us, or that is over.
  func late(_ late: Duration?) {
    say(
      "late", ["late_ms": late.map { .milliseconds($0) } ?? .null],
      late.map {
        "You hear everything \(Words.milliseconds($0)) after the others: this output and network need "
          + "longer than the broadcast waits."
      } ?? "You hear everything with the others again.")
  }

  /// A status: the line that lives on a terminal, or one more line of a log.
  func status(_ numbers: Listener.Statistics, headphone: Duration) {
    if live.isLive {
      let line = Self.statusText(numbers, headphone: headphone)
      let table = showsTable ? numbers.webRTC.map(ListenTable.lines) : nil
      live.show([line] + (table ?? []))
      return
    }
    var fields: [(String, JSONValue)] = [
      ("state", .string(numbers.state.rawValue)), ("level_db", .rounded(numbers.decibels)),
      ("buffer_ms", .milliseconds(numbers.buffer)), ("output_ms", .milliseconds(numbers.output)),
      ("delay_ms", .milliseconds(Self.delay(numbers))),
      ("target_ms", .milliseconds(numbers.target)), ("skipped_ms", .milliseconds(numbers.skipped)),
      ("underruns", .int(Int64(numbers.underruns))), ("silent_ms", .milliseconds(numbers.silent)),
      ("missed_ms", .milliseconds(numbers.missed)), ("rate_ppm", .rounded(numbers.ratePPM)),
      ("reconnections", .int(Int64(numbers.reconnections))),
    ]
    if let facts = numbers.recording {
      fields.append(("recording", Self.json(facts.recorded, facts.missing, facts.dropped)))
    }
    if let webRTC = numbers.webRTC { fields.append(("webrtc", Self.json(webRTC))) }
    say(
      "status", .object(fields.map { JSONValue.Member(name: $0.0, value: $0.1) }),
      Self.statusText(numbers))
  }

  /// The recording has ended.
  func recorded(_ recorded: BroadcastListener.Recorded) {
    let dropped =
      recorded.dropped > .zero
      ? "; \(Words.milliseconds(recorded.dropped)) were left out, for the disk was too slow" : ""
    say(
      "recorded",
      [
        "file": recorded.path.map { .string($0) } ?? .null,
        "recording": Self.json(recorded.duration, recorded.missing, recorded.dropped),
      ],
      recorded.path.map { "Recorded \(Words.clock(recorded.duration)) to \($0)\(dropped)." }
        ?? "Nothing came that could be recorded, and no file was made.")
  }

  private static func json(
    _ recorded: Duration, _ missing: Duration, _ dropped: Duration
  ) -> JSONValue {
    [
      "recorded_ms": .milliseconds(recorded), "missing_ms": .milliseconds(missing),
      "dropped_ms": .milliseconds(dropped),
    ]
  }

  private static func delay(_ numbers: Listener.Statistics) -> Duration {
    numbers.webRTC?.delay ?? numbers.buffer + numbers.output
  }

  /// Where the time goes, and what was lost and made good.
  private static func json(_ numbers: Listener.Statistics.WebRTC) -> JSONValue {
    let playout = numbers.playout
    let parts = playout.parts
    func known(_ duration: Duration?) -> JSONValue {
      duration.map { .milliseconds($0) } ?? .null
    }
    return [
      "from_capture": .bool(playout.isExact), "needed_ms": known(playout.needed),
      "late_ms": .milliseconds(numbers.late),
      "capture_ms": known(parts.capture), "packet_ms": known(parts.packet),
      "network_ms": known(parts.network), "buffer_ms": known(parts.buffer),
      "decode_ms": known(parts.decode), "output_ms": known(parts.output),
      "error_ms": .milliseconds(playout.error), "jitter_ms": .milliseconds(playout.jitter),
      "clock_offset_ms": known(playout.clockOffset),
      "clock_uncertainty_ms": known(playout.clockUncertainty),
      "round_trip_ms": known(playout.roundTrip), "drift_ppm": .rounded(playout.driftPPM),
      "packets": .int(Int64(numbers.expected)), "lost": .int(Int64(numbers.missing)),
      "late": .int(Int64(playout.frames.late)),
      "requested": .int(Int64(playout.repairs.packets)),
      "repaired": .int(Int64(playout.repairs.useful)),
      "concealed_ms": .milliseconds(.frames(playout.counts.concealed)),
      "jumps": .int(Int64(playout.counts.jumps)),
      "resettlements": .int(Int64(playout.counts.resettlements)),
    ]
  }

  /// What keys change stands where the narrowest terminal still shows it.
  private static func statusText(
    _ numbers: Listener.Statistics, headphone: Duration = .zero
  ) -> String {
    guard numbers.state == .playing else {
      return numbers.state == .waiting ? "Waiting for the server…" : "Waiting for the output…"
    }
    let delay = Words.milliseconds(delay(numbers))
    let level =
      LevelBar.text(decibels: numbers.decibels)
      + (headphone == .zero ? "" : "  headphone \(Words.milliseconds(headphone))")
    guard let webRTC = numbers.webRTC else {
      return [
        level, "buffer \(Words.milliseconds(numbers.buffer))",
        "delay \(delay) from network to ear", Words.count(numbers.underruns, "gap"),
        "\(Words.milliseconds(numbers.skipped)) skipped",
      ].joined(separator: "  ")
    }
    let stages = webRTC.playout.stages
    let parts = [
      stages.arrival.map { "to here \(Words.milliseconds($0))" },
      "buffer \(Words.milliseconds(stages.buffer + stages.waiting))",
      "output \(Words.milliseconds(stages.output))",
    ].compactMap { $0 }.joined(separator: ", ")
    let needed = webRTC.playout.needed.map { ", and \(Words.milliseconds($0)) are needed" } ?? ""
    return [
      level,
      "delay \(delay) from \(webRTC.playout.isExact ? "capture" : "network") to ear (\(parts))"
        + (webRTC.isTooShort ? needed : ""),
      "\(webRTC.missing) lost",
      "\(Words.milliseconds(.frames(webRTC.playout.counts.concealed))) made up",
    ].joined(separator: "  ")
  }

  /// Leaves the terminal as it was.
  func end() { live.clear() }

  func summary(_ numbers: Listener.Statistics, running: Duration) {
    say(
      "summary",
      [
        "seconds": .rounded(running.inSeconds), "underruns": .int(Int64(numbers.underruns)),
        "skipped_ms": .milliseconds(numbers.skipped), "silent_ms": .milliseconds(numbers.silent),
        "missed_ms": .milliseconds(numbers.missed),
        "reconnections": .int(Int64(numbers.reconnections)),
      ],
      "Listened for \(Words.clock(running)): \(Words.count(numbers.underruns, "gap")), "
        + "\(Words.milliseconds(numbers.skipped)) skipped, "
        + "\(Words.count(numbers.reconnections, "reconnection")).")
  }
}
