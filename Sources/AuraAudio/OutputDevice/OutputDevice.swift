internal import AuraStream
internal import Synchronization

/// A virtual output of ours, which players play into, as the rest of the program sees it.
///
/// It outlives the streams that make it appear: after a sound server's restart the next one claims
/// what was last asked for. Every function is safe on any thread but the audio callback's and those
/// that must never wait: a claim may wait for the sound system's loop for a moment.
package final class OutputDevice: Sendable {
  /// What it is called, as a device's name and for people.
  package static let name = "AuraLync"

  /// What the host has set with the device's volume and mute keys.
  package struct Volume: Equatable, Sendable {
    /// A factor: 1 leaves the sound as it is.
    package var gain: Float
    package var isMuted: Bool

    package init(gain: Float = 1, isMuted: Bool = false) {
      self.gain = gain
      self.isMuted = isMuted
    }

    /// What sound is multiplied by.
    package var factor: Float { isMuted ? 0 : gain }
  }

  private static let smallest = Duration.milliseconds(5)

  private struct State {
    var wanted: Duration
    var claimed: Duration
    var ceiling: Duration?
    var isRelaxed: Bool
    /// The default output before the device first appeared; in it nil where none was chosen.
    var former: String??
    var volume = Volume()
    var follower: (@Sendable (Duration) -> Void)?
    var onClaim: (@Sendable () -> Void)?
  }

  /// Whether it is the default output while it is there.
  package let becomesDefault: Bool
  /// Whether the sound server ends with us: nothing of it has to be put back, now or by the next start.
  package let isServerOurs: Bool
  private let state: Mutex<State>

  /// A device that is not there yet; a broadcast that has it as its source makes it appear.
  ///
  /// - Parameters:
  ///   - delay: what players are told at first: from the sound they give to the listeners' ears.
  ///   - becomesDefault: whether it is the default output while it is there.
  ///   - isServerOurs: whether the sound server ends with us.
  package init(
    claiming delay: Duration, becomesDefault: Bool = false, isServerOurs: Bool = false
  ) {
    self.becomesDefault = becomesDefault
    self.isServerOurs = isServerOurs
    state = Mutex(State(wanted: delay, claimed: delay, isRelaxed: delay >= PlayoutConductor.roomy))
  }

  /// Tells players another delay. They follow while they play.
  ///
  /// - Parameter delay: on PulseAudio one that can be told takes its place; see `ceiling` and `claimed`.
  package func claim(_ delay: Duration) {
    let follower = state.withLock { state in
      let isNews = state.wanted != delay
      state.wanted = delay
      return isNews ? state.follower : nil
    }
    follower?(delay)
  }

  /// Claims another delay where it differs by enough: players' pictures stumble at every change.
  package func follow(_ delay: Duration) {
    let told = asked
    if told - delay >= Self.smallest || delay - told >= Self.smallest { claim(delay) }
  }

  /// Says whether its sound may come in long blocks, so that a computer that stands still for some
  /// milliseconds is forgiven: where those who listen wait for longer anyway.
  package func relax(_ isRelaxed: Bool) {
    let (follower, delay) = state.withLock { state in
      let isNews = state.isRelaxed != isRelaxed
      state.isRelaxed = isRelaxed
      return (isNews ? state.follower : nil, state.wanted)
    }
    follower?(delay)
  }

  /// What was said last by `relax`; from a long first delay on it is so.
  package var isRelaxed: Bool { state.withLock { $0.isRelaxed } }

  /// What was last asked for.
  package var asked: Duration { state.withLock { $0.wanted } }

  /// What is claimed is what somebody needs, where this is not nil: of the delays that can be told the
  /// next longer one takes its place, unless that is longer than this; else the nearest does.
  package var ceiling: Duration? {
    get { state.withLock { $0.ceiling } }
    set { state.withLock { $0.ceiling = newValue } }
  }

  /// What players read, as far as it is known: on PulseAudio it is measured, and differs from what is
  /// asked for. Who hears a frame this long after its capture instant hears it when players believe it.
  package var claimed: Duration { state.withLock { $0.claimed } }

  /// What the device's volume and mute keys are set to; they mean the host's ears alone.
  package var volume: Volume { state.withLock { $0.volume } }

  /// Has somebody told whenever what players read has changed, on any thread; it must not wait. Nil ends it.
  package func onClaim(_ body: (@Sendable () -> Void)?) { state.withLock { $0.onClaim = body } }

  // MARK: The back ends' side

  /// The device's name, with a number where other programs of ours have one already.
  static func freeName(besides taken: [String]) -> String {
    let numbered = (2...).lazy.map { "\(name)-\($0)" }
    return taken.contains(name) ? numbered.first { !taken.contains($0) } ?? name : name
  }

  /// Keeps what the default output was before the device first appeared: a sound server that was started
  /// again may not know it any more.
  ///
  /// - Parameters:
  ///   - former: what it is now; nil where none is chosen.
  ///   - isChosen: whether the host has chosen it since: then what it was before is of no account.
  /// - Returns: what is kept.
  func keep(former: String?, isChosen: Bool = false) -> String? {
    state.withLock { state in
      let kept = isChosen ? former : state.former ?? former
      state.former = .some(kept)
      return kept
    }
  }

  /// Has every change of the claim handed over; nil ends it.
  func follow(_ follower: (@Sendable (Duration) -> Void)?) {
    state.withLock { $0.follower = follower }
  }

  /// What is to be claimed now.
  var wanted: Duration { asked }

  func didClaim(_ delay: Duration) {
    let onClaim = state.withLock { state in
      defer { state.claimed = delay }
      return state.claimed == delay ? nil : state.onClaim
    }
    onClaim?()
  }

  func didChange(_ volume: Volume) { state.withLock { $0.volume = volume } }
}
