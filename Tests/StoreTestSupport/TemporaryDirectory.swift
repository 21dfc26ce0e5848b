internal import CPlatform
internal import Glibc

/// A directory of its own (mode 0700) for one test, removed with everything in it when the value goes away.
public final class TemporaryDirectory: Sendable {
  /// The canonical path, without symbolic links.
  public let path: String

  /// Creates the directory under `$TMPDIR`, else under /tmp.
  public init() throws {
    path = try makeDirectory(atTemplate: Self.parent.get() + "/XXXXXX")
  }

  /// As the other, but in memory where the machine has a tmpfs for that: for thousands of syncs that need no
  /// disk.
  public init(inMemory: Bool) throws {
    let place = "/dev/shm"
    let isThere = inMemory && getenv("TMPDIR") == nil && access(place, W_OK) == 0
    path = try makeDirectory(
      atTemplate: isThere ? place + "/store-test-XXXXXX" : Self.parent.get() + "/XXXXXX")
  }

  deinit { _ = platform_remove_tree(path) }

  /// Holds all directories of this process and is removed when it exits.
  ///
  /// A value that something keeps for ever (a closure of a thread that never ends) is never deinitialized. No
  /// list of what is left, so no lock around one.
  private static let parent: Result<String, any Error> = Result {
    let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    _ = owner
    atexit {
      // A forked child that exits leaves its parent's alone.
      guard TemporaryDirectory.owner == getpid(), case .success(let path) = TemporaryDirectory.parent else {
        return
      }
      _ = platform_remove_tree(path)
    }
    return try makeDirectory(atTemplate: place + "/store-test-XXXXXX")
  }

  private static let owner = getpid()

  /// The path of `name` in the directory.
  public func path(_ name: String) -> String { "\(path)/\(name)" }

  /// Removes the directory now, and throws where something could not be removed.
  public func remove() throws {
    guard platform_remove_tree(path) == 0 else {
      throw TestSupportError.systemCall("remove", path)
    }
  }
}

/// The canonical path of a new directory of mode 0700.
private func makeDirectory(atTemplate template: String) throws -> String {
  var bytes = Array(template.utf8CString)
  guard mkdtemp(&bytes) != nil, let canonical = realpath(bytes, nil) else {
    throw TestSupportError.systemCall("mkdtemp", template)
  }
  defer { free(canonical) }
  return String(cString: canonical)
}
