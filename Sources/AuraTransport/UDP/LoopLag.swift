internal import AuraStream

/// How long what arrived has waited for a thread that serves many.
package struct LoopLag: Equatable, Sendable {
  /// Time the thread spent waiting, and working.
  package var waited = Duration.zero
  package var worked = Duration.zero
  /// The longest the last of what had arrived waited for its turn.
  package var longestRound = Duration.zero
  /// The most the thread was late when only its timer woke it: the computer was busy with others.
  package var longestOversleep = Duration.zero

  package init() {}

  /// How much of the time it worked, 0 to 1.
  package var load: Double {
    let total = (waited + worked).inSeconds
    return total > 0 ? worked.inSeconds / total : 0
  }

  mutating func note(waited: Duration, worked: Duration, overslept: Duration) {
    self.waited += waited
    self.worked += worked
    longestRound = max(longestRound, worked)
    longestOversleep = max(longestOversleep, overslept)
  }

  package mutating func add(_ other: Self) {
    waited += other.waited
    worked += other.worked
    longestRound = max(longestRound, other.longestRound)
    longestOversleep = max(longestOversleep, other.longestOversleep)
  }
}
