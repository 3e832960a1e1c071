internal import AuraListener
internal import AuraWeb

/// Whom to listen to, and how: what `listen` was told, read once.
struct ListenPlan: Equatable, CustomStringConvertible {
  /// Where `serve` has its page unless told otherwise.
  static let webPort = 8080

  /// Of the original protocol; for a URL, of the web.
  var server: ServerAddress
  /// Where WHEP is looked for, in this order.
  var webPorts: [Int] = []
  /// What was told as a URL: an endpoint, or where the path is `/` perhaps a server of ours.
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
      endpoint = url
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
        "\(text) is no address of HTTP. Give one such as http://192.0.2.1:8080, or HOST.",
        exitCode: UserError.usage)
    }
    return url
  }

  /// For the listener.
  var target: BroadcastListener.Server {
    if let endpoint { return .url("\(endpoint)") }
    return switch choice {
    case .original: .original(host: server.host, port: server.port)
    case .whep: .web(host: server.host, port: webPorts.first ?? Self.webPort)
    case .auto: .search(host: server.host, webPorts: webPorts, originalPort: server.port)
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
  /// How to listen.
  ///
  /// - Parameter soundServer: nil where sound is to be played to nothing.
  /// - Returns: for the listener.
  func listenOptions(_ soundServer: BroadcastListener.SoundServer?) -> BroadcastListener.Options {
    var options = BroadcastListener.Options()
    options.output = output == Self.nullOutput ? .nothing : .device(output)
    options.soundServer = soundServer
    if case .said(let delay) = delay { options.delay = delay }
    options.delayBounds = .milliseconds(minDelay) ... .milliseconds(maxDelay)
    options.buffer = buffer
    options.token = token
    options.codec = codec == .pcm ? .uncompressed : .opus
    (options.volume, options.balance, options.isMono) = (volume, balance, isMono)
    options.recording = record.map { .init(to: $0, replaces: overwrite) }
    return options
  }
}
