internal import HTTPTypes

/// The page to listen with: three files, built into the program.
enum Page {
  /// Only what comes from here, nothing inline, in nobody's frame.
  private static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

  /// The file at a path, or nil.
  static func file(_ path: String) -> Reply? {
    switch path {
    case "/":
      Reply(
        .ok, fields: [.contentSecurityPolicy: policy], type: "text/html; charset=utf-8",
        PackageResources.index_html)
    case "/listen.css": Reply(.ok, type: "text/css; charset=utf-8", PackageResources.listen_css)
    case "/listen.js":
      Reply(.ok, type: "text/javascript; charset=utf-8", PackageResources.listen_js)
    default: nil
    }
  }
}
