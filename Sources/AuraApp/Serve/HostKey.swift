/// What a key means on the terminal of `serve`. Only lower case: the ends of what arrow and function keys
/// send are capitals.
enum HostKey {
  case film
  case live
  case later
  case sooner

  /// By how much a key moves film mode's delay.
  static let step = Duration.milliseconds(50)
  /// One line for people.
  static let help =
    "Keys: f film mode, l live mode; in film mode + and - for \(Words.milliseconds(step)) more and less."

  init?(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "f"): self = .film
    case UInt8(ascii: "l"): self = .live
    // On the same key, with and without Shift.
    case UInt8(ascii: "+"), UInt8(ascii: "="): self = .later
    case UInt8(ascii: "-"): self = .sooner
    default: return nil
    }
  }
}
