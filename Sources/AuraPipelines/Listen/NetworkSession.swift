/// What a listener's network thread does: connects, receives, plays, connects again.
protocol NetworkSession: Sendable {
  /// The thread's whole work; returns after `stop`, or when there is no sense in going on.
  func run()

  /// Any thread: asks `run` to return.
  ///
  /// - Parameter time: the longest to wait for it.
  /// - Returns: whether it did within the time.
  func stop(within time: Duration) -> Bool

  /// Any thread: the numbers the network thread knows.
  var statistics: Listener.Statistics { get }
}
