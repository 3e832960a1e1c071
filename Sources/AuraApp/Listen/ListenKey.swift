/// What a key means on the terminal of `listen`. Only lower case: the ends of what arrow and function keys
/// send are capitals.
enum ListenKey {
  case more
  case less

  /// By how much a key moves what the headphone is said to add.
  static let step = Duration.milliseconds(10)
  /// One line for people.
  static func help(isRemembered: Bool) -> String {
    "Keys: + where you hear later than the others, - where sooner: \(Words.milliseconds(step)) each"
      + (isRemembered ? ", remembered for this output." : ".")
  }

  init?(_ byte: UInt8) {
    switch byte {
    // On the same key, with and without Shift.
    case UInt8(ascii: "+"), UInt8(ascii: "="): self = .more
    case UInt8(ascii: "-"): self = .less
    default: return nil
    }
  }
}
