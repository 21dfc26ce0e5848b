internal import CPlatform
@testable import FileLocking
internal import Glibc
internal import StoreTestSupport
internal import Testing

@Suite("Lock table: what may be a lockfile")
struct LockPathTests {
  let locks: LockFixture
  init() throws { locks = try LockFixture() }

  /// Something at a lock path, and what is said about it.
  struct UnsafeCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let reason: UnsafePathReason
    let make: @Sendable (_ path: String) throws -> Void
  }

  static let unsafeCases = [
    UnsafeCase(testDescription: "symbolic link", reason: .symbolicLink) { path in
      try write("", toPath: path + ".target")
      #expect(symlink(path + ".target", path) == 0)
    },
    UnsafeCase(testDescription: "dangling symbolic link", reason: .symbolicLink) { path in
      #expect(symlink("nowhere", path) == 0)
    },
    UnsafeCase(testDescription: "directory", reason: .directory) { #expect(mkdir($0, 0o700) == 0) },
    UnsafeCase(testDescription: "FIFO", reason: .fifo) { #expect(mkfifo($0, 0o600) == 0) },
    UnsafeCase(testDescription: "socket", reason: .socket) { try bindSocket(at: $0) },
    UnsafeCase(testDescription: "hard link", reason: .severalLinks(count: 2)) { path in
      try write("", toPath: path)
      #expect(link(path, path + ".again") == 0)
    },
    UnsafeCase(testDescription: "world-writable", reason: .writableByOthers(mode: 0o666)) {
      try write("", toPath: $0, mode: 0o666)
    },
    UnsafeCase(testDescription: "group-writable", reason: .writableByOthers(mode: 0o660)) {
      try write("", toPath: $0, mode: 0o660)
    },
  ]

  @Test("L-9: unsafe lock paths are refused without hanging", arguments: unsafeCases)
  func unsafePath(unsafe: UnsafeCase) throws {
    try unsafe.make(locks.name("a").path)
    try expectRefused(unsafe.reason)
  }

  @Test("L-9: a lockfile of another user is refused")
  func foreignOwner() throws {
    // Only root can give a file away; anybody else asks about a status that says so.
    let path = locks.name("a").path
    try write("", toPath: path)
    if geteuid() == 0 {
      #expect(chown(path, 65534, 65534) == 0)
      try expectRefused(.foreignOwner(userID: 65534))
    } else {
      var record = try #require(FileStatus.look(at: path))
      record.user_id = 65534
      #expect(FileStatus.reasonAgainst(record, ownerID: geteuid()) == .foreignOwner(userID: 65534))
    }
  }

  @Test("L-9: a lockfile that becomes unsafe while it is kept open is refused too")
  func becomesUnsafe() throws {
    try locks.acquire("a").release()
    #expect(chmod(locks.name("a").path, 0o622) == 0)
    try expectRefused(.writableByOthers(mode: 0o622))
  }

  private func expectRefused(_ reason: UnsafePathReason) throws {
    let path = locks.name("a").path
    let expected = LockError.unsafePath(path: path, reason: reason)
    for wait in [LockWait.none, .indefinitely] {
      #expect(lockError { () throws(LockError) in try locks.acquire("a", wait).release() } == expected)
    }
    #expect(
      try locks.report().first { $0.fileName == "a.lock" }?.failure == expected)
  }

  @Test("modes are 0600 whatever the umask, and a mode that only shows too much is repaired")
  func modes() throws {
    let path = locks.name("a").path
    try locks.acquire("a").release()
    for mode in [0o644, 0o400, 0o640] as [mode_t] {
      #expect(chmod(path, mode) == 0)
      try locks.acquire("a").release()
      #expect(status(ofPath: path).map { $0.st_mode & 0o7777 } == 0o600)
    }
  }

  @Test("out of descriptors, the unused lockfiles are closed first; then it is an error that passes")
  func outOfDescriptors() throws {
    let child = try locks.session()
    for key in ["a", "b", "c"] {
      try child.ask("acquire \(key) none", "granted")
      try child.ask("release \(key)", "released")
    }
    #expect(try child.ask("exhaust", "exhausted") == "\(EMFILE)")
    try child.ask("acquire d none", "granted d")
    try child.ask("exhaust", "exhausted")
    let path = locks.name("e").path
    #expect(
      try child.ask("acquire e none", "error")
        == "system(call: \"open\", path: \"\(path)\", errno: \(EMFILE))")
    try child.ask("relax", "relaxed")
    try child.ask("acquire e none", "granted e")
  }

  @Test("an error of the system names the call and the path")
  func systemErrors() throws {
    let name = LockName(
      directory: locks.directory.path, fileName: String(repeating: "x", count: 300), rank: 1, key: "x")
    #expect(
      lockError { () throws(LockError) in
        try locks.table.acquire(name, wait: .none, operation: "too long").release()
      } == .system(call: "statx", path: name.path, errno: ENAMETOOLONG))
  }
}

private func bindSocket(at path: String) throws {
  let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(descriptor) }
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
  let result = withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
  guard result == 0 else { throw TestSupportError.systemCall("bind", path) }
}
