internal import AuraPipelines
internal import AuraStream

/// All that is known of the sound's way to the ear, for a terminal.
enum ListenTable {
  private static let width = 10

  static func lines(_ numbers: Listener.Statistics.WebRTC) -> [String] {
    let playout = numbers.playout
    let parts = playout.parts
    return DelayParts.all.map { row($0.name, milliseconds(parts[keyPath: $0.path])) } + [
      row("delay", milliseconds(numbers.delay), target(numbers)),
      row(
        "packets", "\(numbers.expected)",
        "\(numbers.missing) lost, \(playout.frames.late) late, \(playout.repairs.packets) asked for, "
          + "\(playout.repairs.useful) repaired"),
      row(
        "made up", milliseconds(.frames(playout.counts.concealed)),
        "\(Words.count(playout.counts.jumps, "jump")), "
          + "\(Words.count(playout.counts.alignments, "start")), "
          + "\(playout.counts.resettlements) of them to correct one"),
      row(
        "speed", "\(Words.decimal(playout.ratePPM)) ppm",
        "of it drift \(Words.decimal(playout.driftPPM)) ppm"),
      row(
        "clock", milliseconds(playout.clockOffset),
        "ahead of ours, known to \(milliseconds(playout.clockUncertainty)); "
          + "round trip \(milliseconds(playout.roundTrip))"),
    ]
  }

  private static func target(_ numbers: Listener.Statistics.WebRTC) -> String {
    let origin = numbers.playout.isExact ? "capture" : "network"
    let told = numbers.fixedDelay.map { ", told \(Words.milliseconds($0))" } ?? ""
    let late =
      numbers.late > LatenessRule.audible
      ? "; the others hear \(milliseconds(numbers.late)) earlier" : ""
    return "from \(origin) to ear\(told); needed \(milliseconds(numbers.playout.needed))\(late)"
  }

  private static func row(_ name: String, _ value: String, _ words: String = "") -> String {
    "  " + name + padding(name, width) + padding(value, width + 4) + value
      + (words.isEmpty ? "" : "  " + words)
  }

  private static func padding(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count))
  }

  private static func milliseconds(_ duration: Duration?) -> String {
    duration.map { "\(Words.decimal($0.inMilliseconds)) ms" } ?? "-"
  }
}
