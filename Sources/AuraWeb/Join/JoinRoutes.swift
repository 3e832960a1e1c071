internal import AuraStream
internal import HTTPTypes

/// What brings people to the page: the projector's view and the QR codes on it.
struct JoinRoutes: Sendable {
  /// Pixels of a module's edge: fit for a poster of some hand's breadth.
  private static let pixelsPerModule = 12

  private let host: @Sendable () -> String?
  private let port: Int

  init(_ configuration: HTTPService.Configuration) {
    host = configuration.pageHost
    port = configuration.port
  }

  /// Where phones find the page now; where it was asked for, when this computer has no network or
  /// the system has chosen the port.
  func address(for request: HTTPRequest) -> PageAddress {
    let asked = request.authority.flatMap { WebAuthority($0) }
    return PageAddress(
      host: host() ?? asked?.host.text ?? "localhost", port: port > 0 ? port : asked?.port ?? 80)
  }

  /// The answer at a path, or nil.
  func reply(to request: HTTPRequest, path: Substring) -> Reply? {
    switch path {
    case "/join": Page.document(PackageResources.join_html)
    case "/qr.svg":
      image(for: request) { Reply(.ok, type: "image/svg+xml", Array($0.svg.utf8)) }
    case "/qr.png":
      image(for: request) { code in
        code.png(scale: Self.pixelsPerModule).map { Reply(.ok, type: "image/png", $0) }
      }
    default: nil
    }
  }

  private func image(for request: HTTPRequest, _ drawn: (QRCode) -> Reply?) -> Reply {
    QRCode(address(for: request).url).flatMap(drawn)
      ?? Reply(.internalServerError, "There is no code for this address.")
  }
}

extension WebAuthority.Host {
  /// As it stands in URLs.
  var text: String {
    switch self {
    case .name(let name): name
    case .address(let address): address.bracketed
    }
  }
}
