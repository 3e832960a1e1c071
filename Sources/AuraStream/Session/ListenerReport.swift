/// What a listener says of itself, where it can: a browser's page knows what no packet tells.
package struct ListenerReport: Equatable, Sendable {
  /// From the capture of a frame to its sound.
  package var delay: Duration?
  package var jitter: Duration?
  /// The part of packets that was lost lately, repairs counted as received, 0 to 1.
  package var loss: Double?
  /// Sound that was made up for lost packets, since the beginning.
  package var concealed: Duration?
  /// The least delay from capture to ear that would do for it, with what is held for it elsewhere:
  /// `HoldRule` knows how much that is.
  package var needed: Duration?
  /// Whether it keeps sound itself until its time has come.
  package var holds: Bool
  /// Where the delay comes from.
  package var parts: DelayParts?

  package init(
    delay: Duration? = nil, jitter: Duration? = nil, loss: Double? = nil,
    concealed: Duration? = nil, needed: Duration? = nil, holds: Bool = false,
    parts: DelayParts? = nil
  ) {
    self.needed = needed
    self.holds = holds
    self.delay = delay
    self.jitter = jitter
    self.loss = loss
    self.concealed = concealed
    self.parts = parts
  }
}
