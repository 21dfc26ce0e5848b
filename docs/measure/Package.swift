// swift-tools-version: 6.1
import PackageDescription

// Figures of docs/decisions that need Swift. What it fetches is compared with; the store needs none of it.
let package = Package(
  name: "measure",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "measure", targets: ["measure"]),
    .executable(name: "startup-plain", targets: ["startup-plain"]),
    .executable(name: "startup-parser", targets: ["startup-parser"]),
  ],
  dependencies: [
    .package(name: "container-state-store", path: "../.."),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
  ],
  targets: [
    .systemLibrary(name: "CSQLiteRaw", path: "CSQLiteRaw"),
    .executableTarget(
      name: "measure",
      dependencies: [
        .product(name: "ContainerStateStore", package: "container-state-store"),
        .product(name: "GRDB", package: "GRDB.swift"), "CSQLiteRaw",
      ],
      swiftSettings: [.swiftLanguageMode(.v5)]),
    .executableTarget(name: "startup-plain"),
    .executableTarget(
      name: "startup-parser",
      dependencies: [.product(name: "ArgumentParser", package: "swift-argument-parser")]),
  ]
)
