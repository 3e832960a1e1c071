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

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func systemLibrary(_ name: String, pkgConfig: String, debian: String) -> Target {
  .systemLibrary(
    name: name, path: "SystemLibraries/\(name)", pkgConfig: pkgConfig,
    providers: [.apt([debian])])
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
  name: "auralync",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "auralync", targets: ["AuraApp"]),
    .library(name: "AuraPipelines", targets: ["AuraPipelines"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
  ],
  targets: [
    // The program: commands, configuration, what is said on the screen.
    .executableTarget(
      name: "AuraApp",
      dependencies: [
        "AuraPipelines", "AuraAudio", "AuraHost", "AuraStream", "AuraTransport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "TOMLKit", package: "TOMLKit"),
      ],
      swiftSettings: settings),

    // A captured sample walks down these four; a received packet walks up.
    room("AuraAudio", ["AuraStream", "AuraHost", "CPipeWire", "CPulse"]),
    room("AuraCodec", ["AuraStream", "COpus", "CSampleRate", "CSndFile", "CSoxr"]),
    room("AuraStream", []),
    room("AuraTransport", ["AuraStream", "AuraHost"]),

    // Handshake, keys and ciphers of the encrypted ways to listen.
    room("AuraCrypto", ["AuraStream", "COpenSSL"]),

    // What the operating system gives: clock, wake-ups, threads, processes, interfaces.
    room("AuraHost", ["AuraStream", "CLinux"]),

    // Every stage in order: the only room that knows them all.
    room(
      "AuraPipelines",
      [
        "AuraAudio", "AuraCodec", "AuraHost", "AuraStream", "AuraTransport",
      ]),

    tests("AuraStreamTests", ["AuraStream"]),
    tests("AuraHostTests", ["AuraHost", "AuraStream"]),
    tests("AuraAudioTests", ["AuraAudio", "AuraHost", "AuraStream"]),
    tests("AuraCryptoTests", ["AuraCrypto", "AuraStream", "COpenSSL", "CSRTP"]),
    tests("AuraCodecTests", ["AuraCodec", "AuraStream", "CAllocations", "CSndFile"]),
    tests("AuraTransportTests", ["AuraTransport", "AuraHost", "AuraStream"]),
    tests(
      "AuraPipelinesTests",
      ["AuraPipelines", "AuraAudio", "AuraCodec", "AuraHost", "AuraStream", "AuraTransport"]),
    tests("AuraAppTests", ["AuraApp", "AuraStream"]),

    // Counts what a test's thread allocates.
    .target(name: "CAllocations", path: "Tests/CAllocations"),

    .systemLibrary(name: "CLinux", path: "SystemLibraries/CLinux"),
    systemLibrary("COpenSSL", pkgConfig: "openssl", debian: "libssl-dev"),
    systemLibrary("COpus", pkgConfig: "opus", debian: "libopus-dev"),
    systemLibrary("CPipeWire", pkgConfig: "libpipewire-0.3", debian: "libpipewire-0.3-dev"),
    systemLibrary("CPulse", pkgConfig: "libpulse", debian: "libpulse-dev"),
    systemLibrary("CSndFile", pkgConfig: "sndfile", debian: "libsndfile1-dev"),
    systemLibrary("CSampleRate", pkgConfig: "samplerate", debian: "libsamplerate0-dev"),
    systemLibrary("CSoxr", pkgConfig: "soxr", debian: "libsoxr-dev"),
    // For tests only, and found without pkg-config: who only builds must not be told it is missing.
    .systemLibrary(name: "CSRTP", path: "SystemLibraries/CSRTP"),
  ]
)
