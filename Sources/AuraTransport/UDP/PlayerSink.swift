package import AuraStream

/// Who gets what a player hears. Called on the players' thread: must not wait.
package protocol PlayerSink: AnyObject, Sendable {
  /// The handshake is done: media may come.
  func playerStarted(now: HostTime)

  /// A packet that is new.
  ///
  /// - Parameters:
  ///   - header: its header.
  ///   - payload: what it carries, valid during the call; encrypted when media is only counted.
  ///   - now: when it came.
  func playerHeard(_ header: RTPHeader, _ payload: UnsafeRawBufferPointer, now: HostTime)

  /// Once a second, and at the end: how it fares.
  func playerReported(_ facts: PlayerFacts, now: HostTime)

  /// The server has told its time.
  ///
  /// - Parameters:
  ///   - clock: the sender report, as it stands in the packet.
  ///   - echo: the server's echo of our clock, when one came along.
  func playerTold(_ clock: PlayerFacts.SenderClock, echo: DelaySinceReference.Report?)

  /// The server fell silent, or is back.
  func playerDoubts(_ liveness: SenderSignal.Liveness, now: HostTime)

  /// Nothing follows.
  func playerEnded(_ end: PlayerEnd, now: HostTime)
}

extension PlayerSink {
  /// For whoever only counts.
  package func playerTold(_ clock: PlayerFacts.SenderClock, echo: DelaySinceReference.Report?) {}
}
