internal import AuraStream
internal import FoundationEssentials

extension PresentationWish {
  /// Reads what the host wants; nil when it is not to be understood, or says nothing.
  ///
  /// - Parameter json: `mode`: film or live; `delay_ms`: a number, or auto; `cap_ms` with auto.
  init?(json: [UInt8]) {
    struct Wire: Decodable {
      enum Delay: Decodable {
        case milliseconds(Double)
        case word(String)

        init(from decoder: any Decoder) throws {
          let container = try decoder.singleValueContainer()
          if let number = try? container.decode(Double.self) {
            self = .milliseconds(number)
          } else {
            self = .word(try container.decode(String.self))
          }
        }
      }

      var mode: String?
      var delay_ms: Delay?
      var cap_ms: Double?
    }
    guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(json)) else { return nil }
    func allowed(_ milliseconds: Double) -> Duration? {
      guard milliseconds.magnitude < 1e6 else { return nil }
      let delay = Duration.milliseconds(milliseconds)
      return PresentationPlan.delays.contains(delay) ? delay : nil
    }
    let mode = wire.mode.map { BroadcastMode(rawValue: $0) }
    var choice: DelayChoice?
    switch wire.delay_ms {
    case nil: break
    case .milliseconds(let number):
      guard let delay = allowed(number) else { return nil }
      choice = .said(delay)
    case .word(let word):
      let cap = wire.cap_ms.map { allowed($0) } ?? DelayChoice.usualCap
      guard word == "auto", let cap else { return nil }
      choice = .automatic(cap: cap)
    }
    if case .some(nil) = mode { return nil }
    guard mode != nil || choice != nil else { return nil }
    self.init(mode: mode ?? nil, delay: choice)
  }
}
