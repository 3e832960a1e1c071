// swift-tools-version: 6.2
import PackageDescription

// What two threads share on the audio path, and its tests, alone: thread sanitizer must compile
// everything anew, and this takes seconds instead of minutes. The folders are links.

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "ThreadSanitizer",
  targets: [
    .systemLibrary(name: "CLinux"),
    // Only what the others need: the compiler fails on the whole of it under thread sanitizer.
    .target(
      name: "AuraStream",
      sources: [
        "Media/HostTime.swift", "Media/MediaTime.swift", "Network", "Playout/OutputReport.swift",
      ],
      swiftSettings: settings),
    .target(name: "AuraHost", dependencies: ["AuraStream", "CLinux"], swiftSettings: settings),
    .target(name: "AuraAudio", dependencies: ["AuraStream", "AuraHost"], swiftSettings: settings),
    .testTarget(
      name: "AuraAudioTests", dependencies: ["AuraAudio", "AuraHost"], swiftSettings: settings),
  ])
