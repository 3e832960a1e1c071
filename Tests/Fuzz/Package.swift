// swift-tools-version: 6.2
import PackageDescription

// Every parser and state machine that meets bytes of strangers, fed by libFuzzer under address
// sanitizer: `script/fuzz` builds and runs it. A package of its own, so that no other build
// pays for it. The folders are links.

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .strictMemorySafety(),
  .unsafeFlags(["-sanitize=fuzzer,address"]),
]

let package = Package(
  name: "Fuzz",
  targets: [
    .systemLibrary(name: "CLibFuzzer"),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl"),
    .systemLibrary(name: "COpus", pkgConfig: "opus"),
    .target(name: "AuraStream", swiftSettings: settings),
    .target(
      name: "AuraCrypto", dependencies: ["AuraStream", "COpenSSL"], swiftSettings: settings),
    .target(
      name: "AuraCodec", dependencies: ["AuraStream", "COpus"],
      exclude: [
        "File", "PCM", "Recording", "Resampler/FixedRatioEngine.swift", "Resampler/Resampler.swift",
        "Resampler/VaryingRatioEngine.swift",
      ],
      sources: ["CodecError.swift", "Opus", "Resampler/AppendRooms.swift"],
      swiftSettings: settings),
    .executableTarget(
      name: "Fuzz",
      dependencies: ["AuraCodec", "AuraCrypto", "AuraStream", "CLibFuzzer", "COpenSSL"],
      swiftSettings: settings,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
  ])
