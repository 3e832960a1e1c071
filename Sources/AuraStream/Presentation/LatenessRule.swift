/// When a listener is told that it hears later than everyone: nobody waits for it (`AutomaticDelay`). For one thread.
package struct LatenessRule: Sendable {
  /// What is heard as an echo by who sits beside somebody else.
  package static let audible = Duration.milliseconds(20)
  /// Reports in a row that must say the same: the first after a join may be of a need that passes.
  private static let reports = 2

  /// What it has been told; nil: that it hears with everyone, or nothing yet.
  package private(set) var told: Duration?
  private var contrary = 0

  package init() {}

  /// A report has been answered, or there is nobody to be later than.
  ///
  /// - Parameter late: by how much it hears later than everyone.
  /// - Returns: whether `told` is news.
  package mutating func note(_ late: Duration) -> Bool {
    guard (late > Self.audible) != (told != nil) else {
      contrary = 0
      return false
    }
    contrary += 1
    guard contrary >= Self.reports else { return false }
    contrary = 0
    told = late > Self.audible ? late : nil
    return true
  }
}
