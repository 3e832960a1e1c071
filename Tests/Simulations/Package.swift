// swift-tools-version: 6.2
import PackageDescription

// The rules of playout and the worlds they are tested in, alone and optimized: thousands of seeds and
// simulated days take minutes instead of hours. `script/soak` runs it. The folders are links.

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "Simulations",
  targets: [
    .target(name: "AuraStream", swiftSettings: settings),
    .testTarget(
      name: "SimulationTests", dependencies: ["AuraStream"], swiftSettings: settings),
  ])
