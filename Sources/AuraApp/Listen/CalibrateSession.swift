internal import AuraAudio
internal import AuraHost
internal import AuraPipelines
internal import AuraStream
internal import AuraWeb

/// `listen --calibrate`: clicks on the output, each to be heard at the flash of `/join`, a tap for each, and the
/// median is remembered.
final class CalibrateSession {
  private static let tick = Duration.milliseconds(10)
  private static let flash = Duration.milliseconds(120)
  /// Without a tap for so long nobody is there.
  private static let patience = Duration.seconds(60)

  private enum Happening: Sendable {
    case output(StreamEvent)
    case key(at: HostTime)
    /// Of the broadcast's clock.
    case clock(ClockQuestions.Outcome)
    /// Given up, or nobody can press any more.
    case quit
  }

  private enum Ending {
    case measured(Int)
    case scattered, gaveUp
    case lost(String)
    /// The flashes are not known; a sentence.
    case noClock(String)
  }

  private let settings: Settings
  private let loop: SessionLoop<Happening>
  private let live: LiveLine
  /// Nil where the broadcast's clock is this computer's own.
  private var questions: ClockQuestions?
  private var taps = BeatTaps()
  private var device: String?

  /// - Parameters:
  ///   - settings: the output.
  ///   - plan: where the broadcast is; nil is this computer.
  init(_ settings: Settings, plan: ListenPlan?) {
    self.settings = settings
    questions = plan.map { ClockQuestions($0, token: settings.token) }
    loop = SessionLoop(format: settings.logFormat)
    live = LiveLine(loop.output)
  }

  func run() throws {
    guard TerminalInfo.isTerminal(.input) else {
      throw UserError(
        "--calibrate waits for taps on the space bar, and standard input is no terminal. Run it in "
          + "one, or say what the headphone adds with --offset.", exitCode: UserError.usage)
    }
    guard settings.output != Settings.nullOutput,
      let backend = try SoundChoice.backend(settings.backend)
    else { throw UserError("There is no output to play clicks to here.") }
    SignalWakeUp.install()
    let mailbox = loop.mailbox
    let beats = BeatClock(isOurs: questions == nil)
    let track = try ClickTrack(to: settings.output, of: backend, at: beats) {
      mailbox.post(.output($0))
    }
    if questions == nil { announce("this computer's /join page") }
    let keys = TerminalKeys { bytes in
      let isQuit = bytes.isEmpty || bytes.contains(UInt8(ascii: "q"))
      // One tap however many bytes the key is.
      mailbox.post(isQuit ? .quit : .key(at: HostClock.now))
    }
    let ending = measure(track)
    // First of all: whatever hangs below, the terminal is as it was.
    keys.stop()
    live.clear()
    track.stop()
    try tell(ending)
  }

  private func announce(_ page: String) {
    let words =
      "A click a second, heard at the flash of \(page) once what the headphone adds is right: "
      + "put it on, and press the space bar on each click you hear. Eight taps; Ctrl-C ends."
    live.event("calibrating", text: words)
  }

  private func measure(_ track: ClickTrack) -> Ending {
    var poller = Poller()
    poller.add(SignalWakeUp.wakeUp.fileDescriptor, for: .readable)
    var last = HostClock.now
    while SignalWakeUp.received == nil {
      _ = poller.wait(timeout: Self.tick)
      let now = HostClock.now
      let mailbox = loop.mailbox
      questions?.ask(now: now) { mailbox.post(.clock($0)) }
      track.play()
      for event in mailbox.takeAll().events {
        switch event {
        case .output(.running(let name)): begin(on: name, track)
        case .output(.waiting(let reason)), .output(.ended(let reason)): return .lost(reason)
        case .key(let time):
          // Before there are clicks there is nothing to tap for.
          if let beat = track.beat(nearest: time) { taps.tap(at: time, beat: beat) }
          last = time
        case .clock(let outcome):
          if let ending = take(outcome, track, now: now) { return ending }
        case .quit: return .gaveUp
        }
      }
      show(now: now, flash: track.beats.flash(nearest: now))
      if taps.count == BeatTaps.wanted { return taps.offset.map { .measured($0) } ?? .scattered }
      if now - last > Self.patience { return .gaveUp }
    }
    return .gaveUp
  }

  /// Each output has its headphone; what an option says counts for every one.
  private func begin(on output: String, _ track: ClickTrack) {
    // Taps for another one say nothing of this one.
    if output != device { taps = BeatTaps() }
    device = output
    track.offset = .milliseconds(settings.offset ?? HeadphoneOffsets.own[output] ?? 0)
  }

  private func take(
    _ outcome: ClockQuestions.Outcome, _ track: ClickTrack, now: HostTime
  ) -> Ending? {
    questions?.note(outcome, now: now)
    let wasKnown = track.beats.isKnown
    switch outcome {
    case .answered(let exchange, let endpoint):
      track.beats.insert(exchange)
      if !wasKnown { announce("\(endpoint.replacing(path: "/join"))") }
    case .failed(let reason):
      guard wasKnown else { return .noClock(reason) }
      // What is known of a clock holds for longer than anybody taps.
      if questions?.failures == 1 {
        let message =
          "the broadcast's clock is not told any more, and clicks go on by what is known of it. "
          + reason
        live.event("warning", ["message": .string(message)], text: "Warning: \(message)")
      }
    }
    return nil
  }

  private func show(now: HostTime, flash: HostTime?) {
    guard let flash else { return live.show("Asking the broadcast for its clock.") }
    let isLit = now >= flash && now - flash < Self.flash
    let left = BeatTaps.wanted - taps.count
    live.show("\(isLit ? "●" : "○")  \(Words.count(left, "tap")) to go")
  }

  private func tell(_ ending: Ending) throws(UserError) {
    switch ending {
    case .lost(let reason):
      throw UserError("The output is gone (\(reason)): nothing was changed.")
    case .noClock(let reason):
      throw UserError(
        "\(reason) Without the broadcast's clock no click can be at its flash: nothing was changed. Leave the "
          + "address out to tap for clicks alone.")
    case .gaveUp: throw UserError("Given up: nothing was changed.")
    case .scattered:
      throw UserError(
        "These taps have too little to do with the clicks: nothing was changed. Try again, a tap on "
          + "each click.")
    case .measured(let offset):
      let device = device ?? ""
      let before = HeadphoneOffsets.own[device] ?? 0
      guard HeadphoneOffsets.remember(offset, for: device) else {
        throw UserError(
          "The headphone of \(device) adds \(offset) ms, which could not be remembered. Say it with "
            + "--offset \(offset).")
      }
      loop.output.event(
        "calibrated", ["device": .string(device), "offset_ms": .int(Int64(offset))],
        text: "The headphone of \(device) adds \(offset) ms, and listen counts that from now on. "
          + "--offset \(before) brings back what was before.")
    }
  }
}
