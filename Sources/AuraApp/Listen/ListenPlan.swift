internal import AuraPipelines
internal import AuraStream
internal import AuraWeb

/// Whom to listen to, and how: what `listen` was told, read once.
struct ListenPlan: Equatable, CustomStringConvertible {
  /// Where `serve` has its page unless told otherwise.
  static let webPort = 8080

  /// Of the original protocol; for a URL, of the web.
  var server: ServerAddress
  /// Where WHEP is looked for, in this order.
  var webPorts: [Int] = []
  /// An endpoint that was told in full.
  var endpoint: WHEPAddress?
  var choice: ProtocolChoice

  /// - Parameters:
  ///   - text: `HOST`, `HOST:PORT` or a URL.
  ///   - settings: the port and the protocol.
  /// - Throws: `UserError` for anything else.
  init(_ text: String, _ settings: Settings) throws(UserError) {
    choice = settings.protocolChoice
    if text.contains("://") {
      let url = try Self.url(text, choice)
      server = try ServerAddress(
        url.host.contains(":") ? "[\(url.host)]" : url.host, defaultPort: url.port)
      webPorts = [url.port]
      if url.path != "/" { endpoint = url }
      choice = .whep
      return
    }
    server = try ServerAddress(text, defaultPort: settings.port)
    let isPortTold = server.isPortTold || settings.origin(of: .port) != .builtIn
    webPorts = isPortTold ? [server.port] : [Self.webPort]
    if choice == .auto, isPortTold, server.port != Self.webPort { webPorts.append(Self.webPort) }
  }

  private static func url(
    _ text: String, _ choice: ProtocolChoice
  ) throws(UserError) -> WHEPAddress {
    guard choice != .original else {
      throw UserError(
        "\(text) is an address of the web, and --protocol original speaks with HOST:PORT. Give that, "
          + "or leave --protocol out.", exitCode: UserError.usage)
    }
    guard let url = WHEPAddress(text) else {
      throw UserError(
        "\(text) is no address of plain HTTP. Give one such as http://192.0.2.1:8080, or HOST.",
        exitCode: UserError.usage)
    }
    return url
  }

  var way: Listener.Way {
    if let endpoint { return .webRTC(.endpoint(endpoint)) }
    return switch choice {
    case .original: .original
    case .whep: .webRTC(.server(host: server.host, port: webPorts.first ?? Self.webPort))
    case .auto: .best(webPorts: webPorts)
    }
  }

  /// As it is named on the screen.
  var description: String {
    if let endpoint { return "\(endpoint)" }
    switch choice {
    case .original: return "\(server)"
    case .whep:
      return "\(WHEPAddress(host: server.host, port: webPorts.first ?? Self.webPort, path: "/"))"
    case .auto: return server.isPortTold ? "\(server)" : server.host
    }
  }
}

extension Settings {
  /// How long after its capture sound is to be heard.
  var playoutDelay: PlayoutDelay.Mode {
    if case .said(let delay) = delay { return .fixed(delay) }
    return .adaptive(.milliseconds(minDelay) ... .milliseconds(maxDelay))
  }

  /// How loud, and on which side.
  var volumeControl: VolumeControl {
    VolumeControl(percent: volume, balance: MonoBalance(balance: balance, isMono: isMono))
  }
}
