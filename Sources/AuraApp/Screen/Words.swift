internal import AuraStream
internal import Glibc

/// Numbers as people read them.
enum Words {
  /// "1 listener", "3 listeners".
  static func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }

  /// "0:07", "12:31", "1:02:03".
  static func clock(_ duration: Duration) -> String {
    let seconds = max(0, duration.components.seconds)
    let rest = "\(seconds / 60 % 60):" + twoDigits(seconds % 60)
    return seconds < 3600 ? rest : "\(seconds / 3600):" + (seconds / 60 % 60 < 10 ? "0" : "") + rest
  }

  /// "350 B", "353.4 kB", "1.2 MB".
  static func bytes(_ count: Int) -> String {
    guard count >= 1000 else { return "\(count) B" }
    var value = Double(count) / 1000
    var units = ["kB", "MB", "GB", "TB"][...]
    while value >= 999.95, units.count > 1 {
      value /= 1000
      units = units.dropFirst()
    }
    return "\(decimal(value)) \(units.first ?? "")"
  }

  /// Whole milliseconds.
  static func milliseconds(_ duration: Duration) -> String {
    "\(Int(duration.inMilliseconds.rounded())) ms"
  }

  /// With one digit behind the point.
  static func decimal(_ value: Double) -> String {
    let tenths = Int((abs(value) * 10).rounded())
    return "\(value < 0 && tenths > 0 ? "-" : "")\(tenths / 10).\(tenths % 10)"
  }

  private static func twoDigits(_ number: Int64) -> String {
    number < 10 ? "0\(number)" : "\(number)"
  }
}

/// A level meter of one line.
enum LevelBar {
  private static let width = 20
  private static let quietest = -60.0

  /// A bar of twenty characters and the level: `[█████████           ]  -12 dB`.
  static func text(decibels: Double) -> String {
    let share = (max(quietest, min(0, decibels)) - quietest) / -quietest
    let filled = Int((share * Double(width)).rounded())
    let bar =
      String(repeating: speaksUTF8 ? "█" : "#", count: filled)
      + String(repeating: " ", count: width - filled)
    let level = decibels <= LevelMeter.floor ? "silent" : "\(Int(decibels.rounded())) dB"
    return "[\(bar)] " + String(repeating: " ", count: max(0, 6 - level.count)) + level
  }

  private static let speaksUTF8: Bool = {
    for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
      guard let value = unsafe getenv(name), unsafe value.pointee != 0 else { continue }
      let text = unsafe String(cString: value).uppercased()
      return text.contains("UTF-8") || text.contains("UTF8")
    }
    return false
  }()
}
