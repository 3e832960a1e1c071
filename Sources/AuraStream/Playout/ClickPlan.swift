/// Places a click a beat in what is written to an output, each so that it is heard at its flash if the
/// headphone adds what is set.
///
/// Every click is placed anew when its turn to be written comes, by what the two clocks say then: an output
/// drifts. Before all is known there is silence.
package struct ClickPlan: Sendable {
  /// A beat that a change of a clock has left just behind what is written is not lost: nobody hears so little.
  private static let latest = Duration.milliseconds(5)

  /// The flashes.
  package var beats: BeatClock
  /// What the headphone adds to what the output tells of its delay; nil while the output is not known.
  package var offset: Duration?
  private var output = OutputClock()
  private var silentFrames = 0
  /// The first frame of the click that was placed last, as written.
  private var last: Int?

  package init(beats: BeatClock, offset: Duration? = nil) {
    self.beats = beats
    self.offset = offset
  }

  /// Takes what the output tells of its last request.
  package mutating func report(_ report: OutputReport) {
    output.insert(report)
    silentFrames = report.silentFrames
  }

  /// Places the click, if one belongs there.
  ///
  /// - Parameter frames: what is written next, as the writer counts; shorter than half a beat.
  /// - Returns: the click's first frame, one of those; nil for none.
  package mutating func click(in frames: Range<Int>) -> Int? {
    // What was silent has moved all later frames.
    guard !frames.isEmpty, let begin = output.instantHeard(frames.lowerBound + silentFrames),
      let end = output.instantHeard(frames.upperBound + silentFrames), end > begin
    else { return nil }
    let half = BeatTaps.period / 2
    guard let beat = beat(nearest: begin + half - (last == nil ? .zero : Self.latest)) else {
      return nil
    }
    let place = (beat - begin).inSeconds / (end - begin).inSeconds * Double(frames.count)
    let frame = frames.lowerBound + max(0, Int(place.rounded()))
    // Told from the last one by the distance: another clock counts other seconds.
    guard frame < frames.upperBound, last.map({ frame - $0 >= half.frames() }) ?? true else {
      return nil
    }
    last = frame
    return frame
  }

  /// When the click nearest to an instant leaves the output, to be heard at its flash; nil before all is known.
  package func beat(nearest instant: HostTime) -> HostTime? {
    guard let offset, output.instantHeard(0) != nil else { return nil }
    return beats.flash(nearest: instant + offset).map { $0 - offset }
  }
}
