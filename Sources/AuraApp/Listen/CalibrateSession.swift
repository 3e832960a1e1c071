internal import AuraAudio
internal import AuraHost
internal import AuraPipelines
internal import AuraStream

/// `listen --calibrate`: clicks on the output, a tap for each, and the median is remembered.
final class CalibrateSession {
  private static let tick = Duration.milliseconds(10)
  private static let flash = Duration.milliseconds(120)
  /// Without a tap for so long nobody is there.
  private static let patience = Duration.seconds(60)

  private enum Happening: Sendable {
    case output(StreamEvent)
    case key(at: HostTime)
    /// Given up, or nobody can press any more.
    case quit
  }

  private enum Ending {
    case measured(Int)
    case scattered, gaveUp
    case lost(String)
  }

  private let settings: Settings
  private let loop: SessionLoop<Happening>
  private let live: LiveLine
  private var taps = BeatTaps()
  private var device: String?

  init(_ settings: Settings) {
    self.settings = settings
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
    let track = try ClickTrack(to: settings.output, of: backend) { mailbox.post(.output($0)) }
    let words =
      "A click a second: put the headphone on, and press the space bar on each click you hear. "
      + "Eight taps; Ctrl-C ends."
    live.event("calibrating", text: words)
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

  private func measure(_ track: ClickTrack) -> Ending {
    var poller = Poller()
    poller.add(SignalWakeUp.wakeUp.fileDescriptor, for: .readable)
    var last = HostClock.now
    while SignalWakeUp.received == nil {
      _ = poller.wait(timeout: Self.tick)
      let now = HostClock.now
      track.play()
      for event in loop.mailbox.takeAll().events {
        switch event {
        case .output(.running(let name)): device = name
        case .output(.waiting(let reason)), .output(.ended(let reason)): return .lost(reason)
        case .key(let time):
          // Before the output runs there is nothing to tap for.
          if device != nil, let beat = track.beat(nearest: time) { taps.tap(at: time, beat: beat) }
          last = time
        case .quit: return .gaveUp
        }
      }
      show(now: now, beat: track.beat(nearest: now))
      if taps.count == BeatTaps.wanted { return taps.offset.map { .measured($0) } ?? .scattered }
      if now - last > Self.patience { return .gaveUp }
    }
    return .gaveUp
  }

  private func show(now: HostTime, beat: HostTime?) {
    let isLit = beat.map { now >= $0 && now - $0 < Self.flash } ?? false
    let left = BeatTaps.wanted - taps.count
    live.show("\(isLit ? "●" : "○")  \(Words.count(left, "tap")) to go")
  }

  private func tell(_ ending: Ending) throws(UserError) {
    switch ending {
    case .lost(let reason):
      throw UserError("The output is gone (\(reason)): nothing was changed.")
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
