/// Finds a headphone's delay from taps: a click a beat, a tap for each click that is heard.
///
/// The median of eight: a tap that was missed, or came twice, does not move it.
package struct BeatTaps: Sendable {
  /// From a click to the next: slow enough to tell half a second early from half a second late.
  package static let period = Duration.seconds(1)
  /// How many taps make a result.
  package static let wanted = 8
  /// The offsets that can be told, and that a person may set, in milliseconds.
  package static let offsets = -500...500

  private var offsetsHeard: [Double] = []  // ms

  package init() {}

  package var count: Int { offsetsHeard.count }

  /// Takes a tap.
  ///
  /// - Parameters:
  ///   - instant: when it came.
  ///   - beat: when some click left the output, as far as the sound system knows.
  package mutating func tap(at instant: HostTime, beat: HostTime) {
    guard count < Self.wanted else { return }
    let period = Self.period.inMilliseconds
    let late = (instant - beat).inMilliseconds
    offsetsHeard.append(late - period * (late / period).rounded())
  }

  /// In whole milliseconds; nil before the last tap, and where taps have nothing to do with the clicks.
  package var offset: Int? {
    guard count == Self.wanted else { return nil }
    // Around the first of them, so that those near half a beat do not fall apart into early and late.
    let period = Self.period.inMilliseconds
    let first = offsetsHeard[0]
    let near = offsetsHeard.map { $0 - period * (($0 - first) / period).rounded() }.sorted()
    guard near[Self.wanted - 2] - near[1] <= Self.widest else { return nil }
    let middle = (near[Self.wanted / 2 - 1] + near[Self.wanted / 2]) / 2
    return Int((middle - period * (middle / period).rounded()).rounded())
  }

  /// Between the second and the last but one: a person keeps within a tenth of a second.
  private static let widest = 200.0  // ms
}
