internal import CPlatform
internal import Glibc
internal import Synchronization

/// A directory of its own (mode 0700) for one test, removed with everything in it when the value goes away.
public final class TemporaryDirectory: Sendable {
  /// The canonical path, without symbolic links.
  public let path: String

  /// Creates the directory under `$TMPDIR`, else under /tmp.
  public init() throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/store-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil, let canonical = realpath(template, nil) else {
      throw TestSupportError.systemCall("mkdtemp", parent)
    }
    path = String(cString: canonical)
    free(canonical)
    Self.left.withLock { _ = $0.paths.insert(path) }
    _ = Self.removesLeftAtExit
  }

  deinit {
    _ = platform_remove_tree(path)
    Self.left.withLock { _ = $0.paths.remove(path) }
  }

  /// Those that are still there, and the process that made them.
  private static let left = Mutex<(owner: Int32, paths: Set<String>)>((getpid(), []))

  /// A value that something keeps for ever (a closure of a thread that never ends) never goes away.
  private static let removesLeftAtExit: Void = {
    atexit {
      let (owner, paths) = TemporaryDirectory.left.withLock { $0 }
      // A forked child that exits leaves its parent's alone.
      guard owner == getpid() else { return }
      for path in paths { _ = platform_remove_tree(path) }
    }
  }()

  /// The path of `name` in the directory.
  public func path(_ name: String) -> String { "\(path)/\(name)" }

  /// Removes the directory now, and throws where something could not be removed.
  public func remove() throws {
    guard platform_remove_tree(path) == 0 else {
      throw TestSupportError.systemCall("remove", path)
    }
  }
}
