internal import AuraStream
internal import HTTPTypes

/// Who may take the sound: not the page of a stranger that is open on some laptop of the network.
///
/// - Sources beyond the attached networks are refused unless the host opened them.
/// - The Host field must be a name of ours: otherwise a stranger's name that is made to resolve to
///   our address (DNS rebinding) would make their page and us one origin.
/// - Pages of other origins are refused unless allowed.
struct AccessRules: Sendable {
  private let hostNames: Set<String>
  private let origins: Set<WebOrigin>
  private let allowsEveryOrigin: Bool
  private let mayListen: @Sendable ([UInt8]) -> Bool

  init(_ configuration: HTTPService.Configuration) {
    var names = Set(configuration.allowedHosts.compactMap { Self.name($0) })
    names.insert("localhost")
    if let own = configuration.hostName.flatMap({ Self.name($0) }) {
      let label = own.prefix { $0 != "." }
      names.formUnion([own, String(label), "\(label).local"])
    }
    hostNames = names
    origins = Set(configuration.allowedOrigins.compactMap { WebOrigin($0) })
    allowsEveryOrigin = configuration.allowedOrigins.contains("*")
    mayListen = configuration.mayListen
  }

  private static func name(_ text: String) -> String? {
    if case .name(let name)? = WebAuthority(text)?.host { name } else { nil }
  }

  /// What the rules say of a request.
  enum Verdict {
    /// `foreignOrigin`: the page of another origin that may read the answer, if it is one.
    case allowed(foreignOrigin: String?)
    case refused(Reply)
  }

  func judge(_ request: HTTPRequest, from source: IPAddress?) -> Verdict {
    guard let source, mayListen(source.bytes) else {
      return .refused(
        Reply(
          .forbidden,
          "This server gives its sound to its own networks only. Its owner can open it with --public."
        ))
    }
    guard let authority = request.authority.flatMap({ WebAuthority($0) }),
      !request.headerFields.contains(.host)
    else {
      return .refused(Reply(.badRequest, "The request has no usable Host field."))
    }
    guard isOurs(authority.host) else { return .refused(Self.strangeName(authority.host)) }
    guard let text = request.headerFields[.origin] else { return .allowed(foreignOrigin: nil) }
    let origin = WebOrigin(text)
    if let origin, origin.isSame(as: authority) { return .allowed(foreignOrigin: nil) }
    if allowsEveryOrigin || origin.map(origins.contains) == true {
      return .allowed(foreignOrigin: text)
    }
    return .refused(
      Reply(
        .forbidden,
        "Pages of other sites may not use this server. Its owner can allow one with --allow-origin."
      ))
  }

  private func isOurs(_ host: WebAuthority.Host) -> Bool {
    switch host {
    case .address: true  // nobody can make an address resolve to something else
    case .name(let name): hostNames.contains(name)
    }
  }

  private static func strangeName(_ host: WebAuthority.Host) -> Reply {
    guard case .name(let name) = host else { return Reply(.misdirectedRequest) }
    return Reply(
      .misdirectedRequest,
      "This server does not go by the name \(name). Open it by its address, or let its owner start it "
        + "with --allow-host \(name).")
  }
}

extension HTTPField.Name {
  static let host = HTTPField.Name("Host") ?? .accept
}
