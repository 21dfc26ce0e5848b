// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// Swift targets differ only in name and dependencies; settings are the same for all.
func library(_ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil) -> Target {
  .target(name: name, dependencies: dependencies, path: path, swiftSettings: swiftSettings)
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
    .library(name: "OCIEngine", targets: ["OCIEngine"]),
    .executable(name: "cstate", targets: ["cstate"]),
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
    library("OCIEngine", ["ContainerStateStore", "CPlatform"]),
    executable("cstate", ["ContainerStateStore", "OCIEngine"]),
    executable("cstate-demo", ["ContainerStateStore", "CPlatform"], path: "StressTests/demo"),
    executable("cstate-history", ["StoreHistory"], path: "StressTests/judge"),
    library("SVGDrawing", path: "StressTests/drawing"),
    library("StoreHistory", ["SVGDrawing"], path: "StressTests/history"),

    library("StoreTestSupport", ["CPlatform"], path: "Tests/StoreTestSupport"),
    executable(
      "store-test-child",
      ["ContainerStateStore", "FileLocking", "OCIEngine", "SQLiteStorage", "CPlatform", "Platform"],
      path: "Tests/StoreTestChild"),
    tests(of: "JSONText", ["JSONText"]),
    tests(of: "StateModel", ["StateModel"]),
    tests(of: "FileLocking", ["FileLocking", "CPlatform", "Platform", "store-test-child"]),
    tests(of: "SQLiteStorage", ["SQLiteStorage", "CSQLite", "CPlatform", "Platform", "store-test-child"]),
    tests(of: "ContainerStateStore", ["ContainerStateStore", "SQLiteStorage", "store-test-child"]),
    tests(of: "OCIEngine", ["OCIEngine", "store-test-child"]),
    tests(of: "Command", ["cstate"]),
    tests(of: "StoreHistory", ["StoreHistory"]),
    tests(of: "Tidy"),
  ]
)
