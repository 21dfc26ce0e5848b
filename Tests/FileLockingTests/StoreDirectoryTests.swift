@testable import FileLocking
internal import Glibc
internal import Platform
internal import StoreTestSupport
internal import Testing

@Suite("Store directory and its files")
struct StoreDirectoryTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  private func reason(_ path: String, creates: Bool = true) -> DirectoryError.Reason? {
    do throws(DirectoryError) {
      _ = try StoreDirectory(path: path, creates: creates)
      return nil
    } catch {
      return error.reason
    }
  }

  private func mode(_ name: String) -> mode_t? {
    status(ofPath: directory.path(name)).map { $0.st_mode & 0o7777 }
  }

  @Test("what is missing is created with mode 0700, also under a set-gid directory")
  func creation() throws {
    #expect(chmod(directory.path, 0o2700) == 0)
    let store = try StoreDirectory(path: directory.path("a/b//c/"))
    #expect(store.path == directory.path("a/b/c"))
    #expect(store.warnings.subtracting([.memoryFileSystem]).isEmpty)
    for name in ["a", "a/b", "a/b/c"] { #expect(mode(name) == 0o700) }
    #expect(try StoreDirectory(path: store.path) == store)
  }

  @Test("modes are 0700 and 0600 under any umask", arguments: ["000", "077", "777"])
  func umasks(mask: String) throws {
    let child = try ChildProcess(role: "lock-umask", [directory.path("new/store"), mask])
    try child.expect("done")
    for name in ["new", "new/store"] { #expect(mode(name) == 0o700) }
    for name in ["gate", "a.lock"] { #expect(mode("new/store/" + name) == 0o600) }
  }

  @Test("a place in which nothing can be made is an error, whatever its file system says")
  func unmakable() throws {
    let error = #expect(throws: DirectoryError.self) { try StoreDirectory(path: "/proc/no-such/store") }
    #expect(error?.path == "/proc/no-such")
  }

  @Test("symbolic links on the way are resolved once")
  func symbolicLinks() throws {
    #expect(mkdir(directory.path("real"), 0o700) == 0)
    #expect(symlink("real", directory.path("link")) == 0)
    #expect(try StoreDirectory(path: directory.path("link")).path == directory.path("real"))
    #expect(try StoreDirectory(path: directory.path("link/store")).path == directory.path("real/store"))
  }

  @Test("what is no directory of ours is refused, and nothing is repaired that others may need")
  func refusals() throws {
    #expect(reason(directory.path("none"), creates: false) == .missing)
    try write("", toPath: directory.path("file"))
    #expect(reason(directory.path("file")) == .notDirectory)
    for mode in [0o777, 0o1777, 0o770] as [mode_t] {
      #expect(chmod(directory.path, mode) == 0)
      #expect(reason(directory.path) == .writableByOthers(mode: mode))
    }
    #expect(chmod(directory.path, 0o755) == 0)
    #expect(try StoreDirectory(path: directory.path).warnings.contains(.readableByOthers(mode: 0o755)))
    // A directory of somebody else: for root one it gives away, for others one of root's.
    guard geteuid() == 0 else {
      #expect(reason("/") == .foreignOwner(userID: 0))
      return
    }
    #expect(chown(directory.path, 65534, 65534) == 0)
    #expect(reason(directory.path) == .foreignOwner(userID: 65534))
  }

  @Test(
    "network and FUSE file systems are refused unless allowed, overlayfs and tmpfs are warnings",
    arguments: [
      (0x6969, "NFS"), (0x6573_5546, "FUSE"), (0x0102_1997, "9p"), (-0x00ac_b2be, "CIFS"),
      (0xfe53_4d42, "SMB2"),
    ])
  func fileSystems(type: Int, name: String) throws {
    var warnings: Set<StoreDirectory.Warning> = []
    let error = #expect(throws: DirectoryError.self) {
      try FileSystemType.check(type: type, path: "/x", allowsUnfit: false, warnings: &warnings)
    }
    #expect(error == DirectoryError(path: "/x", reason: .unfitFileSystem(name: name)))
    try FileSystemType.check(type: type, path: "/x", allowsUnfit: true, warnings: &warnings)
    try FileSystemType.check(type: 0xef53, path: "/x", allowsUnfit: false, warnings: &warnings)
    #expect(warnings.isEmpty)
    try FileSystemType.check(
      type: FileSystemType.overlay, path: "/x", allowsUnfit: false, warnings: &warnings)
    #expect(warnings == [.overlayFileSystem])
    warnings = []
    try FileSystemType.check(type: 0x0102_1994, path: "/x", allowsUnfit: false, warnings: &warnings)
    #expect(warnings == [.memoryFileSystem])
  }

  @Test("a file of the store is checked without being opened, and its mode brought back to 0600")
  func files() throws {
    let path = directory.path("state.db")
    #expect(try FileOpening.check(path) == nil)
    try write("", toPath: path)
    #expect(chmod(path, 0o622) == 0)
    let refusal = #expect(throws: DirectoryError.self) { try FileOpening.check(path) }
    #expect(refusal?.reason == .unsafeFile(.writableByOthers(mode: 0o622)))
    #expect(chmod(path, 0o644) == 0)
    #expect(try FileOpening.check(path) == FileIdentity.of(path: path))
    #expect(mode("state.db") == 0o600)
    #expect(link(path, directory.path("again")) == 0)
    let error = #expect(throws: DirectoryError.self) { try FileOpening.check(path) }
    #expect(error?.reason == .unsafeFile(.severalLinks(count: 2)))
    #expect(symlink("state.db", directory.path("link")) == 0)
    #expect(throws: DirectoryError.self) { try FileOpening.check(directory.path("link")) }
  }
}
