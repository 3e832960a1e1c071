/// How far packets overtake each other on this way: by how many a packet is behind at worst.
///
/// The largest of the last few seconds, in two half windows, so that a way that reorders once is not
/// taken for one that always does.
package struct ReorderDepth: Sendable {
  /// The deepest that is believed: beyond it a packet is better asked for twice.
  package static let deepest = 32
  private static let halfWindow = Duration.seconds(10)

  private var current = 0
  private var previous = 0
  private var began: HostTime?

  package init() {}

  /// By how many packets one was behind at worst; zero where order is kept.
  package var packets: Int { max(current, previous) }

  /// A packet came on its own after `depth` later ones.
  package mutating func note(depth: Int, at now: HostTime) {
    roll(now)
    current = max(current, min(depth, Self.deepest))
  }

  /// Lets what is old fade.
  package mutating func roll(_ now: HostTime) {
    guard let began else {
      self.began = now
      return
    }
    guard now - began >= Self.halfWindow else { return }
    previous = now - began >= Self.halfWindow * 2 ? 0 : current
    current = 0
    self.began = now
  }
}
