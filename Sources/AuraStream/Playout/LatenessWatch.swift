/// Says when so many packets come too late that the delay is wrong, and not a moment of the network bad.
///
/// One in fifty in each of two whole seconds: a freeze, however long, falls into one or is silence.
struct LatenessWatch: Sendable {
  private static let interval = Duration.seconds(1)
  private static let share = 50

  private var began: HostTime?
  private var packets = 0
  private var late = 0
  private var wasBad = false

  /// Whether the last two whole seconds were so.
  private(set) var isDelayWrong = false

  /// Takes note of a packet.
  ///
  /// - Parameters:
  ///   - isLate: whether it came after its time.
  ///   - now: when it came.
  mutating func note(isLate: Bool, now: HostTime) {
    if let began, now - began >= Self.interval {
      let isBad = late * Self.share >= packets
      isDelayWrong = isBad && wasBad && now - began < Self.interval * 2
      wasBad = isBad
      (packets, late) = (0, 0)
      self.began = now
    }
    began = began ?? now
    packets += 1
    if isLate { late += 1 }
  }
}
