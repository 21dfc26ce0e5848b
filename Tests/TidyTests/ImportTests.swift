internal import Testing

@Suite("Tidy: layers")
struct ImportTests {
  let repository: Repository
  init() throws { repository = try Repository.current.get() }

  /// What each folder may import; docs/architecture.md says why.
  ///
  /// The standard library needs no line.
  ///
  /// SwiftPM lets any target import a system library that another one depends on, so this list is the check.
  static let allowedImports: [String: Set<String>] = [
    "Sources/JSONText": [],
    "Sources/StateModel": ["JSONText"],
    "Sources/Platform": ["CPlatform", "Glibc", "Synchronization"],
    "Sources/FileLocking": ["CPlatform", "Platform", "Glibc", "Synchronization"],
    "Sources/SQLiteStorage": ["CSQLite", "CPlatform", "Platform", "Glibc", "Synchronization"],
    "Sources/ContainerStateStore": [
      "StateModel", "JSONText", "FileLocking", "SQLiteStorage", "CPlatform", "Platform", "Glibc",
      "Synchronization",
    ],
    "Sources/ContainerStateAsync": [
      "ContainerStateStore", "FileLocking", "CPlatform", "Platform", "Synchronization",
    ],
    // Platform for its failpoints alone.
    "Sources/OCIEngine": ["ContainerStateStore", "CPlatform", "Platform", "Glibc", "Synchronization"],
    "Sources/cstate": ["ContainerStateStore", "OCIEngine", "Glibc"],
    "StressTests/demo": ["ContainerStateStore", "StressSupport", "CPlatform", "Glibc"],
    "StressTests/stress": [
      "ContainerStateStore", "OCIEngine", "StoreHistory", "StressSupport", "CFaults", "CPlatform", "Platform",
      "ScratchStorage", "Glibc", "Synchronization",
    ],
    "StressTests/support": ["ContainerStateStore", "CPlatform", "SeededNumbers", "Glibc"],
    "StressTests/numbers": [],
    "StressTests/judge": ["StoreHistory", "SeededNumbers", "Glibc"],
    "StressTests/history": ["SVGDrawing", "Glibc"],
    "StressTests/storage": ["CLoopDevice", "CPlatform", "StressSupport", "Glibc"],
    "StressTests/power-loss": [
      "ContainerStateStore", "ScratchStorage", "StressSupport", "CFaults", "CPlatform", "Platform", "Glibc",
    ],
    "StressTests/bench": [
      "ContainerStateAsync", "ContainerStateStore", "FileLocking", "StressSupport", "CBenchFloor",
      "CPlatform", "SVGDrawing", "Synchronization", "Glibc",
    ],
    "StressTests/drawing": [],
  ]

  @Test("every folder imports only what its layer may see", arguments: allowedImports.keys.sorted())
  func layer(folder: String) throws {
    let allowed = try #require(Self.allowedImports[folder])
    let sources = repository.files(under: [folder], extensions: ["swift"])
    #expect(!sources.isEmpty)
    let forbidden = sources.flatMap { file in
      file.places { line in importedModule(line).map { !allowed.contains($0) } ?? false }
    }
    expectNone(forbidden)
  }

  @Test("every source folder has a row in the import table")
  func everyFolderIsListed() {
    let folders = Set(
      repository.files(under: ["Sources", "StressTests"], extensions: ["swift"]).map { file in
        file.path.split(separator: "/").prefix(2).joined(separator: "/")
      })
    expectNone(folders.subtracting(Self.allowedImports.keys))
  }

  @Test("nobody imports Foundation or Dispatch, tests included")
  func noFoundation() {
    let heavy = ["Foundation", "FoundationEssentials", "Dispatch", "XCTest"]
    let places = repository.files(under: ["Sources", "StressTests", "Tests"], extensions: ["swift"]).flatMap {
      $0.places { line in importedModule(line).map { heavy.contains($0) } ?? false }
    }
    expectNone(places)
  }

  @Test(
    "an import line is recognised in all its forms",
    arguments: [
      "import A", "internal import A", "@preconcurrency public import A", "@_spi(X) import A",
      "import struct A.B",
      "  import A", "@testable import A  // why", "public import A.B",
    ])
  func recognised(line: String) {
    #expect(importedModule(Substring(line)) == "A")
  }

  @Test(
    "prose is no import line", arguments: ["// import A", "/// import A", "important(A)", "let import = 1"])
  func notRecognised(line: String) {
    #expect(importedModule(Substring(line)) == nil)
  }
}

/// The module an import line names; nil for any other line.
func importedModule(_ line: Substring) -> String? {
  guard line.contains("import ") else { return nil }
  let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
  let access: Set<Substring> = ["public", "package", "internal", "private", "fileprivate"]
  var words = line.split(separator: " ")[...]
  words = words.drop { $0.hasPrefix("@") || access.contains($0) }
  guard words.popFirst() == "import" else { return nil }
  if let kind = words.first, kinds.contains(kind) { words.removeFirst() }
  return words.first?.split(separator: ".").first.map(String.init)
}
