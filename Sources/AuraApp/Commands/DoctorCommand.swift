internal import ArgumentParser
internal import AuraHost
internal import AuraStream
internal import AuraTransport

/// `auralync doctor`: what this computer and its network can carry, and what stands in the way.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Tell how many listeners this computer can carry, and what to change for more.",
    discussion: """
      Reads the system's settings and changes none. What a core can encrypt and send is tried for half \
      a second, on loopback: no network notices. script/bench fanout measures it more carefully.
      """)

  @Option(help: "For how many listeners.") var listeners = 5_000
  @Flag(help: "Write one JSON object.") var json = false

  func validate() throws {
    guard (1...1_000_000).contains(listeners) else {
      throw ValidationError("--listeners takes 1 to 1000000.")
    }
  }

  func run() throws {
    let host = HostCapacity.current
    let shortfalls = host.shortfalls(forListeners: listeners)
    let links = NetworkInterfaces.current().usable.map { interface in
      Link(interface: interface.name, megabits: LinkSpeed.megabits(of: interface.name))
    }
    let sending = FanOutTrial.packetsPerCoreSecond(
      payloadBytes: OpusProfile.smooth.typicalBytes, duration: .milliseconds(500)
    ).map { Sending(packetsPerCore: Int($0), cores: WebRTCServer.usualShards) }
    let output = Output(format: .text)
    if json {
      output.line(Self.json(host, shortfalls, links, sending).json)
    } else {
      for line in Self.lines(host, shortfalls, links, sending, listeners) { output.line(line) }
    }
  }

  /// A network, and how many listeners fill it.
  private struct Link {
    var interface: String
    /// Nil where the system does not say, as for most wireless networks.
    var megabits: Int?

    /// Listeners of a profile that take nine tenths of it, Ethernet's own bytes included.
    func listeners(_ profile: OpusProfile) -> Int? {
      let ethernet = 38 * MediaTime.rate / profile.frames
      return megabits.map { $0 * 1_000_000 / 8 * 9 / 10 / (profile.bytesPerSecond + ethernet) }
    }
  }

  /// What this computer can encrypt and send.
  private struct Sending {
    /// In a second, by one core that does nothing else.
    var packetsPerCore: Int
    /// Those that senders use.
    var cores: Int

    /// Listeners of a profile that take half of each: capture, encoder, driver and players need the rest.
    func listeners(_ profile: OpusProfile) -> Int {
      cores * packetsPerCore / 2 * profile.frames / MediaTime.rate
    }
  }

  private static let profiles: [(name: String, profile: OpusProfile)] = [
    ("low-latency", .lowLatency), ("smooth", .smooth), ("stable", .stable),
  ]

  /// What was read, whether it is enough or not.
  private static func settings(_ host: HostCapacity) -> [String] {
    func text(_ number: Int?) -> String { number.map(String.init) ?? "an unknown number of" }
    let limit = host.isLimited ? "" : ", which does not hold for root"
    return [
      "This system remembers \(text(host.neighbours)) neighbours, and keeps "
        + "\(text(host.unresolvedBytes)) bytes for each that does not answer.",
      "A socket may keep \(text(host.sendBuffer)) bytes to send\(limit), and "
        + "\(text(host.receiveBuffer)) that came in.",
      "This program may open \(host.openFiles) files and sockets, and "
        + (host.mayUseRealTime ? "may" : "may not") + " run in real time.",
    ]
  }

  private static func lines(
    _ host: HostCapacity, _ shortfalls: [HostCapacity.Shortfall], _ links: [Link],
    _ sending: Sending?, _ count: Int
  ) -> [String] {
    var lines = links.map { link in
      guard let megabits = link.megabits else {
        return "\(link.interface): its speed is not known."
      }
      let counts = profiles.compactMap { entry in
        link.listeners(entry.profile).map { "\($0) \(entry.name)" }
      }
      return "\(link.interface), \(megabits) Mbit/s, can carry at 128 kbit/s: "
        + counts.joined(separator: ", ") + "."
    }
    if links.isEmpty { lines.append("This computer has no network but itself.") }
    if let sending {
      let counts = profiles.map { "\(sending.listeners($0.profile)) \($0.name)" }
      let share = sending.cores == 1 ? "half of it" : "half of \(sending.cores) of them"
      lines.append(
        "A core encrypts and sends \(sending.packetsPerCore) packets a second (tried on loopback, without "
          + "a network's driver); \(share) can serve: \(counts.joined(separator: ", ")).")
    } else {
      lines.append("What this computer can send could not be tried.")
    }
    lines += settings(host)
    if shortfalls.isEmpty {
      lines.append("Nothing in this system's settings stands in the way of \(count) listeners.")
    }
    return lines + shortfalls.map { "From \($0.listeners) listeners on: \($0.sentence)" }
  }

  private static func json(_ host: HostCapacity) -> JSONValue {
    func number(_ value: Int?) -> JSONValue { value.map { .int(Int64($0)) } ?? .null }
    return [
      "neighbours": number(host.neighbours), "unresolved_bytes": number(host.unresolvedBytes),
      "send_buffer": number(host.sendBuffer), "receive_buffer": number(host.receiveBuffer),
      "open_files": .int(Int64(host.openFiles)), "real_time": .bool(host.mayUseRealTime),
    ]
  }

  private static func json(
    _ host: HostCapacity, _ shortfalls: [HostCapacity.Shortfall], _ links: [Link],
    _ sending: Sending?
  ) -> JSONValue {
    [
      "links": .array(
        links.map { link in
          .object(
            [
              .init(name: "interface", value: .string(link.interface)),
              .init(name: "megabits", value: link.megabits.map { .int(Int64($0)) } ?? .null),
            ]
              + profiles.map { entry in
                .init(
                  name: entry.name,
                  value: link.listeners(entry.profile).map { .int(Int64($0)) } ?? .null)
              })
        }),
      "sending": sending.map { sending in
        .object(
          [
            .init(name: "packets_per_core", value: .int(Int64(sending.packetsPerCore))),
            .init(name: "cores", value: .int(Int64(sending.cores))),
          ]
            + profiles.map {
              .init(name: $0.name, value: .int(Int64(sending.listeners($0.profile))))
            })
      } ?? .null,
      "settings": json(host),
      "shortfalls": .array(
        shortfalls.map {
          ["listeners": .int(Int64($0.listeners)), "sentence": .string($0.sentence)]
        }),
    ]
  }
}
