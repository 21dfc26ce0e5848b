internal import Glibc
internal import StoreTestSupport

/// The checkout these tests were compiled from, as text.
struct Repository: Sendable, CustomStringConvertible {
  /// One text file; `path` is relative to the root.
  struct TextFile: Sendable, CustomStringConvertible {
    let path: String
    let lines: [Substring]
    /// Short, because a failed expectation prints its operands.
    var description: String { path }

    /// Comments and literals left as they are: the rules that use it are about words, not syntax.
    func places(where isFound: (Substring) -> Bool) -> [String] {
      lines.enumerated().filter { isFound($0.element) }.map { "\(path):\($0.offset + 1): \($0.element)" }
    }
  }

  /// Read once: no test changes it.
  static let current = Result { try Repository() }

  let root: String
  /// All text files, without what builds and git leave behind.
  let files: [TextFile]
  var description: String { root }

  private static let skippedDirectories: Set<String> = [".git", ".build", ".swiftpm"]

  init(sourcePath: String = #filePath) throws {
    let components = sourcePath.split(separator: "/").dropLast(3)
    root = "/" + components.joined(separator: "/")
    var paths: [String] = []
    Self.collectPaths(root, "", &paths)
    let root = root
    files = try paths.sorted().map { path in
      let text = try readText(atPath: "\(root)/\(path)")
      var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      if lines.last == "" { lines.removeLast() }
      return TextFile(path: path, lines: lines)
    }
  }

  private static func collectPaths(_ directory: String, _ prefix: String, _ paths: inout [String]) {
    for name in entries(ofDirectory: directory) {
      let path = "\(directory)/\(name)"
      guard let record = status(ofPath: path) else { continue }
      switch record.st_mode & S_IFMT {
      case S_IFDIR where !skippedDirectories.contains(name) && !name.hasPrefix(".build"):
        collectPaths(path, "\(prefix)\(name)/", &paths)
      case S_IFREG where name != ".git": paths.append(prefix + name)
      default: break
      }
    }
  }

  /// The file at a path relative to the root.
  func file(_ path: String) -> TextFile? { files.first { $0.path == path } }

  /// Files under one of the folders with one of the extensions.
  func files(under folders: [String], extensions: [String]) -> [TextFile] {
    files.filter { file in
      folders.contains { file.path.hasPrefix($0 + "/") }
        && extensions.contains { file.path.hasSuffix("." + $0) }
    }
  }

  /// What ships: the library, the commands, the stress programs.
  var shippedSources: [TextFile] {
    files(under: ["Sources", "StressTests"], extensions: ["swift", "c", "h"])
  }
  var testSources: [TextFile] { files(under: ["Tests"], extensions: ["swift", "c", "h"]) }
  var documents: [TextFile] { files.filter { $0.path.hasSuffix(".md") } }
}
