internal import HTTPTypes

/// The page to listen with: files that are built into the program.
enum Page {
  /// Only what comes from here, nothing inline, in nobody's frame.
  private static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    + "media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

  /// The file at a path, or nil.
  static func file(_ path: String) -> Reply? {
    if path == "/" { return document(PackageResources.index_html) }
    guard let file = files[path] else { return nil }
    var reply = Reply(.ok, type: file.type, file.bytes)
    reply.compressed = compressed[path]
    return reply
  }

  /// An HTML document under the page's rules.
  static func document(_ bytes: [UInt8]) -> Reply {
    Reply(
      .ok, fields: [.contentSecurityPolicy: policy], type: "text/html; charset=utf-8", bytes)
  }

  /// What `index.html` and `join.html` are made of, by path.
  static let files = sources.mapValues { file in
    (type: file.type, bytes: file.type == script ? withoutComments(file.bytes) : file.bytes)
  }

  private static let sources: [String: (type: String, bytes: [UInt8])] = [
    "/icon.svg": ("image/svg+xml", PackageResources.icon_svg),
    "/join.css": ("text/css; charset=utf-8", PackageResources.join_css),
    "/join.js": (script, PackageResources.join_js),
    "/listen.css": ("text/css; charset=utf-8", PackageResources.listen_css),
    "/words.js": (script, PackageResources.words_js),
    "/language.js": (script, PackageResources.language_js),
    "/offer.js": (script, PackageResources.offer_js),
    "/calibration.js": (script, PackageResources.calibration_js),
    "/beat.js": (script, PackageResources.beat_js),
    "/headphones.css": ("text/css; charset=utf-8", PackageResources.headphones_css),
    "/headphones.js": (script, PackageResources.headphones_js),
    "/headphone_words.js": (script, PackageResources.headphone_words_js),
    "/late.js": (script, PackageResources.late_js),
    "/clock.js": (script, PackageResources.clock_js),
    "/measure.js": (script, PackageResources.measure_js),
    "/instep.js": (script, PackageResources.instep_js),
    "/film.js": (script, PackageResources.film_js),
    "/sound.js": (script, PackageResources.sound_js),
    "/fine.js": (script, PackageResources.fine_js),
    "/listener.js": (script, PackageResources.listener_js),
    "/memory.js": (script, PackageResources.memory_js),
    "/drawer.js": (script, PackageResources.drawer_js),
    "/page.js": (script, PackageResources.page_js),
    // Ten seconds of as good as nothing, for the lock screen's controls (sound.js says why).
    "/silence.flac": ("audio/flac", PackageResources.silence_flac),
  ]

  /// The same as it is for who takes it so, made once.
  static let compressed = files.compactMapValues { Gzip.compressed($0.bytes) }

  private static let script = "text/javascript; charset=utf-8"

  /// Lines that are comments are a tenth of the page, and for who reads the source.
  private static func withoutComments(_ bytes: [UInt8]) -> [UInt8] {
    let (newline, slash, space) = (UInt8(ascii: "\n"), UInt8(ascii: "/"), UInt8(ascii: " "))
    let code = bytes.split(separator: newline).filter {
      !$0.drop { $0 == space }.starts(with: [slash, slash])
    }
    return Array(code.joined(separator: [newline])) + [newline]
  }
}
