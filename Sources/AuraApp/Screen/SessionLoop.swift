internal import AuraHost
internal import AuraStream

/// The main thread of a running command: waits for what happens elsewhere, for a signal to end,
/// and for the time of the next status.
struct SessionLoop<Event: Sendable> {
  let mailbox = Mailbox<Event>()
  let output: Output

  /// A loop whose standard output ends it when nobody reads any more.
  init(format: LogFormat) {
    let wakeUp = mailbox.wakeUp
    output = Output(format: format) { wakeUp.signal() }
  }

  /// Runs until there is an ending.
  ///
  /// - Parameters:
  ///   - every: how often a status is due in a log; nil is never.
  ///   - isLive: whether a terminal shows it, which is more often.
  ///   - handle: takes an event; anything but nil ends the loop.
  ///   - lost: told how many events found no room.
  ///   - status: writes a status.
  /// - Returns: the ending; nil after a signal, or when nobody reads the output.
  func run<Ending>(
    statusEvery every: Duration?, isLive: Bool, handle: (Event) -> Ending?, lost: (Int) -> Void,
    status: () -> Void
  ) -> Ending? {
    var poller = Poller()
    poller.add(mailbox.wakeUp.fileDescriptor, for: .readable)
    poller.add(SignalWakeUp.wakeUp.fileDescriptor, for: .readable)
    var clock = SessionClock(every: every, isLive: isLive, now: HostClock.now)
    while SignalWakeUp.received == nil, output.isOpen {
      _ = poller.wait(timeout: clock.remaining(at: HostClock.now) ?? .seconds(3600))
      mailbox.wakeUp.drain()
      let (events, excess) = mailbox.takeAll()
      for event in events {
        if let ending = handle(event) { return ending }
      }
      if excess > 0 { lost(excess) }
      if clock.isDue(at: HostClock.now) { status() }
    }
    return nil
  }
}
