// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  // Places at which a test kills, stops or fails the process; no release build that ships has them.
  .define("FAILPOINTS", .when(configuration: .debug)),
  .define("FAILPOINTS", .when(traits: ["Failpoints"])),
]

/// Swift targets differ only in name and dependencies; settings are the same for all.
func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil, excluding: [String] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: path, exclude: excluding, swiftSettings: swiftSettings)
}

func executable(_ name: String, _ dependencies: [Target.Dependency], path: String? = nil) -> Target {
  .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: swiftSettings)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: dependencies + ["StoreTestSupport"], swiftSettings: swiftSettings)
}

let package = Package(
  name: "container-state-store",
  products: [
    .library(name: "ContainerStateStore", targets: ["ContainerStateStore"]),
    .library(name: "ContainerStateAsync", targets: ["ContainerStateAsync"]),
    .library(name: "OCIEngine", targets: ["OCIEngine"]),
    .executable(name: "cstate", targets: ["cstate"]),
  ],
  traits: [
    .trait(name: "Failpoints", description: "Failpoints in a release build, for tests and stress runs")
  ],
  targets: [
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .target(name: "CPlatform", cSettings: [.treatAllWarnings(as: .error)]),
    library("JSONText"),
    library("StateModel", ["JSONText"]),
    library("Platform", ["CPlatform"]),
    library("FileLocking", ["CPlatform", "Platform"]),
    library("SQLiteStorage", ["CSQLite", "CPlatform", "Platform"]),
    library(
      "ContainerStateStore",
      ["StateModel", "JSONText", "FileLocking", "SQLiteStorage", "CPlatform", "Platform"]),
    library("ContainerStateAsync", ["ContainerStateStore", "FileLocking", "CPlatform", "Platform"]),
    library("OCIEngine", ["ContainerStateStore", "CPlatform", "Platform"]),
    executable("cstate", ["ContainerStateStore", "OCIEngine"]),
    library("StoreHistory", ["SVGDrawing"], path: "StressTests/history"),
    library("SeededNumbers", path: "StressTests/numbers"),
    library(
      "StressSupport", ["ContainerStateStore", "CPlatform", "SeededNumbers"], path: "StressTests/support"),
    executable(
      "cstate-demo", ["ContainerStateStore", "StressSupport", "CPlatform"], path: "StressTests/demo"),
    executable(
      "cstate-stress",
      [
        "ContainerStateStore", "OCIEngine", "StoreHistory", "StressSupport", "CFaults", "CPlatform",
        "Platform", "ScratchStorage",
      ],
      path: "StressTests/stress"),
    .target(
      name: "CLoopDevice", path: "StressTests/storage/device", cSettings: [.treatAllWarnings(as: .error)]),
    library(
      "ScratchStorage", ["CLoopDevice", "CPlatform", "StressSupport"], path: "StressTests/storage",
      excluding: ["device"]),
    executable(
      "cstate-power-loss",
      ["ContainerStateStore", "ScratchStorage", "StressSupport", "CFaults", "CPlatform", "Platform"],
      path: "StressTests/power-loss"),
    .target(
      name: "CBenchFloor", dependencies: ["CSQLite"], path: "StressTests/bench/floor",
      cSettings: [.treatAllWarnings(as: .error)]),
    .executableTarget(
      name: "cstate-bench-start", dependencies: ["CBenchFloor"], path: "StressTests/bench/start",
      cSettings: [.treatAllWarnings(as: .error)],
      // SQLite's, where it is linked statically.
      linkerSettings: [.linkedLibrary("m")]),
    .executableTarget(
      name: "cstate-bench",
      dependencies: [
        "ContainerStateAsync", "ContainerStateStore", "FileLocking", "StressSupport", "CBenchFloor",
        "CPlatform", "SVGDrawing",
      ],
      path: "StressTests/bench", exclude: ["floor", "start", "instructions.json", "thresholds.json"],
      swiftSettings: swiftSettings),
    .target(
      name: "CFaults", dependencies: ["CSQLite"], path: "StressTests/faults",
      cSettings: [.treatAllWarnings(as: .error)], linkerSettings: [.linkedLibrary("dl")]),
    executable("cstate-history", ["StoreHistory", "SeededNumbers"], path: "StressTests/judge"),

    library("SVGDrawing", path: "StressTests/drawing"),
    library("StoreTestSupport", ["CPlatform", "Platform", "SeededNumbers"], path: "Tests/StoreTestSupport"),
    .target(name: "SkewedClock", path: "Tests/SkewedClock", cSettings: [.treatAllWarnings(as: .error)]),
    executable(
      "store-test-child",
      [
        "ContainerStateStore", "FileLocking", "OCIEngine", "SQLiteStorage", "CFaults", "CPlatform",
        "Platform", "SeededNumbers", "SkewedClock",
      ],
      path: "Tests/StoreTestChild"),
    tests(of: "JSONText", ["JSONText"]),
    tests(of: "StateModel", ["StateModel"]),
    tests(of: "FileLocking", ["FileLocking", "CPlatform", "Platform", "store-test-child"]),
    tests(
      of: "SQLiteStorage",
      ["SQLiteStorage", "CSQLite", "CPlatform", "Platform", "ScratchStorage", "store-test-child"]),
    tests(
      of: "ContainerStateStore",
      ["ContainerStateStore", "SQLiteStorage", "ScratchStorage", "store-test-child"]),
    tests(of: "ContainerStateAsync", ["ContainerStateAsync", "FileLocking"]),
    tests(of: "OCIEngine", ["OCIEngine", "store-test-child"]),
    tests(of: "Command", ["cstate"]),
    tests(of: "Model", ["ContainerStateStore"]),
    tests(of: "StoreHistory", ["StoreHistory"]),
    tests(of: "Stress", ["ContainerStateStore", "cstate-stress"]),
    tests(of: "Bench", ["CBenchFloor", "ContainerStateStore", "cstate-bench"]),
    tests(of: "Tidy"),
  ]
)
