// swift-tools-version: 6.2
import PackageDescription

// script/test sets AURALYNC_STRICT: warnings are errors for us, never for a user's build.
let strict = Context.environment["AURALYNC_STRICT"] == "1"

let settings: [SwiftSetting] =
  [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
  ] + (strict ? [.treatAllWarnings(as: .error)] : [])

// The rules and their days of sound in virtual time: seconds instead of minutes for script/test.
let rules = settings + (strict ? [.unsafeFlags(["-O"])] : [])

func room(
  _ name: String, _ dependencies: [Target.Dependency], _ settings: [SwiftSetting] = settings
) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func systemLibrary(_ name: String, pkgConfig: String, debian: String) -> Target {
  .systemLibrary(
    name: name, path: "SystemLibraries/\(name)", pkgConfig: pkgConfig,
    providers: [.apt([debian])])
}

func tests(
  _ name: String, _ dependencies: [Target.Dependency], _ settings: [SwiftSetting] = settings
) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
  name: "auralync",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "auralync", targets: ["AuraApp"]),
    .library(name: "AuraListener", targets: ["AuraListener"]),
    .library(name: "AuraPipelines", targets: ["AuraPipelines"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    // What Hummingbird is made of, where its types are ours to name.
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
  ],
  targets: [
    // The program: commands, configuration, what is said on the screen.
    .executableTarget(
      name: "AuraApp",
      dependencies: [
        "AuraBench", "AuraListener", "AuraPipelines", "AuraAudio", "AuraHost", "AuraStream",
        "AuraTransport", "AuraWeb",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "TOMLKit", package: "TOMLKit"),
      ],
      swiftSettings: settings),

    // A captured sample walks down these four; a received packet walks up.
    room("AuraAudio", ["AuraStream", "AuraHost", "CPipeWire", "CPulse"]),
    room("AuraCodec", ["AuraStream", "COgg", "COpus", "CSampleRate", "CSndFile", "CSoxr"]),
    room("AuraStream", [], rules),
    room("AuraTransport", ["AuraStream", "AuraHost", "AuraCrypto", "CLinux"]),

    // Handshake, keys and ciphers of the encrypted ways to listen.
    room("AuraCrypto", ["AuraStream", "COpenSSL"]),

    // What the operating system gives: clock, wake-ups, threads, processes, interfaces.
    room("AuraHost", ["AuraStream", "CLinux"]),

    // HTTP: joining (WHEP), status, the page. The page's files become part of the program.
    .target(
      name: "AuraWeb",
      dependencies: [
        "AuraStream", "AuraCrypto", "CPNG", "CQREncode", "CZlib",
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      resources: [
        "index.html", "icon.svg", "listen.css", "words.js", "language.js", "offer.js", "clock.js",
        "calibration.js", "beat.js", "headphones.js", "headphones.css", "headphone_words.js",
        "late.js", "measure.js", "instep.js", "film.js", "sound.js", "fine.js", "listener.js",
        "memory.js", "drawer.js", "page.js", "silence.flac", "join.html", "join.css", "join.js",
      ].map { .embedInCode("Page/\($0)") },
      swiftSettings: settings),

    // Many listeners at once, to see what a server can carry.
    room(
      "AuraBench",
      [
        "AuraHost", "AuraStream", "AuraTransport", "AuraWeb",
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ]),

    // Every stage in order: the only room that knows them all.
    room(
      "AuraPipelines",
      [
        "AuraAudio", "AuraCodec", "AuraHost", "AuraStream", "AuraTransport", "AuraWeb",
      ]),

    // Listening, for other programs and for ours; and what using it looks like.
    room("AuraListener", ["AuraPipelines", "AuraAudio", "AuraStream", "AuraWeb"]),
    .executableTarget(
      name: "LevelExample", dependencies: ["AuraListener"], path: "Examples/Level",
      swiftSettings: settings),

    tests("AuraStreamTests", ["AuraStream"]),
    tests("AuraHostTests", ["AuraHost", "AuraStream", "CLinux"]),
    tests("AuraAudioTests", ["AuraAudio", "AuraHost", "AuraStream"]),
    tests("AuraCryptoTests", ["AuraCrypto", "AuraStream", "COpenSSL", "CSRTP"]),
    tests("AuraCodecTests", ["AuraCodec", "AuraStream", "CAllocations", "CSndFile"]),
    tests(
      "AuraTransportTests",
      [
        "AuraTransport", "AuraCrypto", "AuraHost", "AuraStream", "CAllocations", "CLinux",
        "COpenSSL",
      ]),
    tests(
      "AuraWebTests",
      [
        "AuraWeb", "AuraStream",
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    tests(
      "AuraPipelinesTests",
      [
        "AuraPipelines", "AuraAudio", "AuraCodec", "AuraHost", "AuraStream", "AuraTransport",
        "CLinux",
      ]),
    tests(
      "AuraListenerTests",
      ["AuraListener", "AuraHost", "AuraPipelines", "AuraStream", "AuraTransport", "AuraWeb"]),
    tests("AuraBenchTests", ["AuraBench", "AuraHost", "AuraStream", "AuraWeb"]),
    tests(
      "AuraAppTests",
      ["AuraApp", "AuraListener", "AuraPipelines", "AuraStream", "AuraWeb", "CLinux"]),

    // Counts what a test's thread allocates.
    .target(name: "CAllocations", path: "Tests/CAllocations"),

    .systemLibrary(name: "CLinux", path: "SystemLibraries/CLinux"),
    systemLibrary("COgg", pkgConfig: "ogg", debian: "libogg-dev"),
    systemLibrary("COpenSSL", pkgConfig: "openssl", debian: "libssl-dev"),
    systemLibrary("COpus", pkgConfig: "opus", debian: "libopus-dev"),
    systemLibrary("CPipeWire", pkgConfig: "libpipewire-0.3", debian: "libpipewire-0.3-dev"),
    systemLibrary("CPNG", pkgConfig: "libpng", debian: "libpng-dev"),
    systemLibrary("CPulse", pkgConfig: "libpulse", debian: "libpulse-dev"),
    systemLibrary("CQREncode", pkgConfig: "libqrencode", debian: "libqrencode-dev"),
    systemLibrary("CSndFile", pkgConfig: "sndfile", debian: "libsndfile1-dev"),
    systemLibrary("CSampleRate", pkgConfig: "samplerate", debian: "libsamplerate0-dev"),
    systemLibrary("CSoxr", pkgConfig: "soxr", debian: "libsoxr-dev"),
    systemLibrary("CZlib", pkgConfig: "zlib", debian: "zlib1g-dev"),
    // For tests only, and found without pkg-config: who only builds must not be told it is missing.
    .systemLibrary(name: "CSRTP", path: "SystemLibraries/CSRTP"),
  ]
)
