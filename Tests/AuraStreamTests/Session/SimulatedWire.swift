import AuraStream

/// A network between two peers in virtual time: it delays, loses, doubles and reorders.
struct SimulatedWire {
  /// What it does to a datagram.
  struct Weather {
    var delay = Duration.milliseconds(3)
    /// Up to this much more, evenly; more than a packet's duration reorders.
    var jitter = Duration.zero
    var loss = 0.0
    var duplication = 0.0
  }

  struct Datagram {
    var bytes: [UInt8]
    /// As our side sees it.
    var path: NetworkPath
    var isToServer: Bool
    var arrival: HostTime
    fileprivate var number: Int
  }

  var weather: Weather
  /// Everything that was put on it, for those who want to look.
  var observer: ((Datagram) -> Void)?
  private var random: SeededGenerator
  private var underway: [Datagram] = []
  private var count = 0

  init(_ weather: Weather, seed: UInt64) {
    self.weather = weather
    random = SeededGenerator(seed: seed)
  }

  mutating func put(_ bytes: [UInt8], along path: NetworkPath, toServer: Bool, now: HostTime) {
    let first = Datagram(
      bytes: bytes, path: path, isToServer: toServer, arrival: now, number: count)
    observer?(first)
    guard Double.random(in: 0..<1, using: &random) >= weather.loss else { return }
    let copies = Double.random(in: 0..<1, using: &random) < weather.duplication ? 2 : 1
    for _ in 0..<copies {
      count += 1
      var datagram = first
      datagram.number = count
      datagram.arrival =
        now + weather.delay
        + weather.jitter * Double.random(in: 0..<1, using: &random)
      underway.append(datagram)
    }
  }

  /// What has arrived, in order.
  mutating func take(now: HostTime) -> [Datagram] {
    let arrived = underway.filter { $0.arrival <= now }
    underway.removeAll { $0.arrival <= now }
    return arrived.sorted { ($0.arrival, $0.number) < ($1.arrival, $1.number) }
  }
}
