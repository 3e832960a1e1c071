internal import AuraStream
internal import FoundationEssentials

extension ListenerReport {
  /// Delays longer than this are no measurement, in milliseconds.
  private static let mostMilliseconds = 60_000.0

  /// Reads a report; nil when it is no JSON object. What is missing or impossible in it is not known.
  ///
  /// - Parameter json: from the network, already bounded in length.
  init?(json: [UInt8]) {
    struct Wire: Decodable {
      var delay_ms: Double?
      var jitter_ms: Double?
      var loss: Double?
      var concealed_ms: Double?
      var needed_ms: Double?
      var holds: Bool?
      var parts_ms: [String: Double?]?
    }
    guard let wire = try? JSONDecoder().decode(Wire.self, from: Data(json)) else { return nil }
    func duration(_ milliseconds: Double?, atMost most: Double) -> Duration? {
      milliseconds.flatMap { (0...most).contains($0) ? .milliseconds($0) : nil }
    }
    self.init(
      delay: duration(wire.delay_ms, atMost: Self.mostMilliseconds),
      jitter: duration(wire.jitter_ms, atMost: Self.mostMilliseconds),
      loss: wire.loss.flatMap { (0...1).contains($0) ? $0 : nil },
      concealed: duration(wire.concealed_ms, atMost: 1e12),
      needed: duration(wire.needed_ms, atMost: Self.mostMilliseconds), holds: wire.holds ?? false)
    guard let told = wire.parts_ms else { return }
    var parts = DelayParts()
    for (name, path) in DelayParts.all {
      parts[keyPath: path] = duration(told[name] ?? nil, atMost: Self.mostMilliseconds)
    }
    self.parts = parts
  }
}
