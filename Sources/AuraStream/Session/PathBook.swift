/// The paths a listener has proved to be behind, and the one that media takes.
///
/// A path is proved by an integrity-checked request that came along it. For one thread.
struct PathBook {
  /// A listener with more addresses than this loses the oldest.
  static let most = 8
  /// A path that has been quiet for this long loses to any other that speaks.
  private static let patience = Duration.seconds(2)
  private static let mostTransactions = 16

  /// What a checked request has changed.
  struct Change: Equatable {
    var learned: NetworkPath?
    var forgotten: NetworkPath?
    var moved = false
    /// Media would move, had the path answered a question of ours.
    var isAwaited = false
  }

  private(set) var selected: NetworkPath?
  private(set) var selectedHeardAt = HostTime(nanoseconds: 0)
  private var proved: [NetworkPath] = []
  /// Those to which media moves as soon as they have answered.
  private var awaited: [NetworkPath] = []
  private var transactions: [(STUNTransaction, NetworkPath)] = []

  func contains(_ path: NetworkPath) -> Bool { proved.contains(path) }

  var all: [NetworkPath] { proved }

  /// Whether this request was heard before along another path: somebody else sends a copy of it, and
  /// wants media to go elsewhere.
  mutating func isReplayed(_ transaction: STUNTransaction, from path: NetworkPath) -> Bool {
    if let known = transactions.first(where: { $0.0 == transaction }) { return known.1 != path }
    if transactions.count == Self.mostTransactions { transactions.removeFirst() }
    transactions.append((transaction, path))
    return false
  }

  /// Something authentic came along the path.
  ///
  /// - Parameters:
  ///   - path: the way it came.
  ///   - now: when it came.
  /// - Returns: whether it is the one media takes.
  mutating func didHear(along path: NetworkPath, now: HostTime) -> Bool {
    guard path == selected else { return false }
    selectedHeardAt = now
    return true
  }

  /// A request along the path passed its integrity check.
  ///
  /// - Parameters:
  ///   - path: the way it came.
  ///   - isNominated: whether the listener chose this path.
  ///   - mustAnswer: whether media moves only to who answers a question of ours: a request can be a
  ///     copy, made by somebody who listens in on the network, of one that we have long forgotten.
  ///   - now: when it came.
  /// - Returns: what is different now.
  mutating func didCheck(
    _ path: NetworkPath, isNominated: Bool, mustAnswer: Bool, now: HostTime
  ) -> Change {
    var change = Change()
    if !proved.contains(path) {
      if proved.count == Self.most, let oldest = proved.firstIndex(where: { $0 != selected }) {
        let forgotten = proved.remove(at: oldest)
        awaited.removeAll { $0 == forgotten }
        change.forgotten = forgotten
      }
      proved.append(path)
      change.learned = path
    }
    let isBetter = isNominated || selected == nil || now - selectedHeardAt >= Self.patience
    if path != selected, isBetter {
      if mustAnswer {
        change.isAwaited = true
        if !awaited.contains(path) { awaited.append(path) }
      } else {
        selected = path
        change.moved = true
      }
    }
    if path == selected { selectedHeardAt = now }
    return change
  }

  /// A question of ours was answered along the path that it went.
  ///
  /// - Returns: whether media moves to it.
  mutating func didAnswer(_ path: NetworkPath, now: HostTime) -> Bool {
    guard path != selected, awaited.contains(path) else { return false }
    awaited = []
    selected = path
    selectedHeardAt = now
    return true
  }
}
