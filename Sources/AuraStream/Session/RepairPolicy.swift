/// Decides how one listener's losses are made good, from what it tells.
///
/// A listener that can ask (NACK) is told again what it misses. One that understands redundancy
/// (RED, RFC 2198) gets older frames along with the new ones while it loses packets. One that can do
/// neither gets every packet twice, some time apart, while it loses packets; its replay protection
/// drops the spare. What it agreed to is not yet what it does: Firefox takes NACK into its answer and
/// never asks. Who reports losses without ever having asked counts as one that cannot.
package struct RepairPolicy: Sendable {
  /// What was agreed on with the listener.
  package struct Abilities: Equatable, Sendable {
    /// It asks for missing packets.
    package var nack: Bool
    /// It understands redundant payloads.
    package var redundancy: Bool

    package init(nack: Bool, redundancy: Bool) {
      self.nack = nack
      self.redundancy = redundancy
    }
  }

  /// The most older frames in a packet.
  package static let mostOlderFrames = 2

  /// The loss, as a fraction, from which one older frame and from which two go along.
  private static let thresholds = (one: 0.01, two: 0.04)
  /// How long older frames go along after the last sign of need.
  private static let redundancyHold = Duration.seconds(10)
  /// How long second copies stay: they hide the loss that they are for, so their end is a trial,
  /// and each trial that fails makes the next one wait twice as long.
  private static let shortestCopyHold = Duration.seconds(30)
  private static let longestCopyHold = Duration.seconds(480)
  private static let window = Duration.seconds(1)

  package let abilities: Abilities
  /// How many older frames go into each packet now.
  package private(set) var olderFrames = 0
  /// Whether each packet is sent twice now.
  package private(set) var sendsTwice = false
  /// The fraction of packets lost on the way, as far as the listener tells.
  package private(set) var loss = 0.0

  private var hasAsked = false
  /// Whether it asks for what it misses; believed until it reports losses it did not ask for.
  private var asks: Bool
  private var windowStart: HostTime
  private var sentInWindow = 0
  private var missedInWindow = 0
  private var lastNeed: HostTime
  private var copyHold = shortestCopyHold
  private var copiesEndedAt: HostTime?

  package init(_ abilities: Abilities, now: HostTime) {
    self.abilities = abilities
    asks = abilities.nack
    windowStart = now
    lastNeed = now
  }

  /// A packet was sent for the first time.
  package mutating func didSend(now: HostTime) {
    sentInWindow += 1
    if now - windowStart >= Self.window { closeWindow(now: now) }
  }

  /// The listener asked for a packet that it had not asked for before.
  package mutating func didMiss(now: HostTime) {
    hasAsked = true
    asks = abilities.nack
    missedInWindow += 1
    // One missing packet is an accident; several within a second need no second's thought.
    guard missedInWindow >= 3 else { return }
    let observed = Double(missedInWindow) / Double(max(sentInWindow, 100))
    if observed > loss { learn(loss: observed, now: now) }
  }

  /// The listener reported a loss, as a fraction of what it should have had since its last report.
  package mutating func didReport(loss reported: Double, now: HostTime) {
    if !hasAsked, reported >= Self.thresholds.one { asks = false }
    // Repeated packets count as received, so for who asks the requests tell more.
    learn(loss: asks ? max(reported, loss) : reported, now: now)
  }

  private mutating func closeWindow(now: HostTime) {
    if asks {
      let observed =
        missedInWindow >= 2 ? Double(missedInWindow) / Double(max(1, sentInWindow)) : 0
      learn(loss: max(observed, loss * 0.8 + observed * 0.2), now: now)
    }
    windowStart = now
    sentInWindow = 0
    missedInWindow = 0
    relax(now: now)
  }

  private mutating func learn(loss newLoss: Double, now: HostTime) {
    loss = newLoss
    let wanted = newLoss >= Self.thresholds.two ? 2 : newLoss >= Self.thresholds.one ? 1 : 0
    if abilities.redundancy {
      olderFrames = max(olderFrames, wanted)
      if wanted > 0, wanted >= olderFrames { lastNeed = now }
    } else if !asks {
      // Of two copies both are lost as seldom as that fraction squared: any loss left is a lot.
      if sendsTwice, newLoss > 0 { lastNeed = now }
      if !sendsTwice, wanted > 0 { beginCopies(now: now) }
    }
  }

  private mutating func beginCopies(now: HostTime) {
    if let copiesEndedAt, now - copiesEndedAt < copyHold {
      copyHold = min(copyHold * 2, Self.longestCopyHold)
    }
    sendsTwice = true
    lastNeed = now
  }

  /// Takes back what has not been needed for a while, step by step.
  private mutating func relax(now: HostTime) {
    if olderFrames > 0, now - lastNeed >= Self.redundancyHold {
      olderFrames -= 1
      lastNeed = now
    }
    if sendsTwice, now - lastNeed >= copyHold {
      sendsTwice = false
      copiesEndedAt = now
    }
  }
}
