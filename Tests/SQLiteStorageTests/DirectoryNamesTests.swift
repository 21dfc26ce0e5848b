internal import CPlatform
internal import Glibc
internal import Platform
internal import SQLiteStorage
internal import StoreTestSupport
internal import Testing

@Suite("Looks at a directory in place of its files")
struct DirectoryNamesTests {
  struct Missing: Error {}

  private let directory: TemporaryDirectory
  private let path: String

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path("names")
    try #require(mkdir(path, 0o700) == 0)
    try write("", toPath: path + "/file")
    try write("", toPath: path + "/other")
  }

  /// Names that count the looks at them.
  private final class Watched {
    private(set) var names: DirectoryNames
    private(set) var count = 0

    init(directory path: String?) { names = DirectoryNames(directory: path) }

    func forget() { names = DirectoryNames(directory: nil) }

    /// Whether a check looks at the names.
    var areLookedAt: Bool {
      let before = count
      names.check { count += 1 }
      return count > before
    }

    func waitUntilSettled() throws { try waitUntil("the names settle") { !areLookedAt } }
  }

  struct Deed: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let run: @Sendable (String) -> Bool
  }

  static let deeds = [
    Deed(testDescription: "made") {
      let descriptor = open($0 + "/new", O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
      return close(descriptor) == 0
    },
    Deed(testDescription: "taken away") { unlink($0 + "/file") == 0 },
    Deed(testDescription: "renamed") { rename($0 + "/file", $0 + "/away") == 0 },
    Deed(testDescription: "replaced") { rename($0 + "/other", $0 + "/file") == 0 },
    Deed(testDescription: "linked") { link($0 + "/file", $0 + "/second") == 0 },
    Deed(testDescription: "moved elsewhere") { rename($0 + "/file", $0 + "/../elsewhere") == 0 },
    Deed(testDescription: "replaced, and the directory's time set back") {
      var status = stat()
      guard stat($0, &status) == 0, rename($0 + "/other", $0 + "/file") == 0 else { return false }
      let times = [status.st_atim, status.st_mtim]
      return utimensat(AT_FDCWD, $0, times, 0) == 0
    },
    Deed(testDescription: "the directory itself moved") { rename($0, $0 + ".away") == 0 },
  ]

  @Test("D-4: names that have settled are looked at again once one of them has changed", arguments: deeds)
  func changes(deed: Deed) throws {
    let names = Watched(directory: path)
    #expect(names.areLookedAt, "nothing is known of them yet")
    try names.waitUntilSettled()
    #expect(!names.areLookedAt)
    #expect(deed.run(path))
    #expect(names.areLookedAt)
    if access(path, F_OK) == 0 {
      try names.waitUntilSettled()
    } else {
      #expect(names.areLookedAt, "what is in no directory at the path never settles")
    }
  }

  @Test("D-4: what is written to the files is no change of a name")
  func contents() throws {
    let names = Watched(directory: path)
    try names.waitUntilSettled()
    let descriptor = open(path + "/file", O_WRONLY | O_APPEND | O_CLOEXEC)
    #expect(Glibc.write(descriptor, "more", 4) == 4)
    close(descriptor)
    #expect(!names.areLookedAt)
  }

  @Test("D-4: a look that found something wrong is made again")
  func failures() throws {
    let names = Watched(directory: path)
    try names.waitUntilSettled()
    #expect(unlink(path + "/file") == 0)
    for _ in 0..<3 { #expect(throws: Missing.self) { try names.names.check { throw Missing() } } }
    #expect(names.areLookedAt)
  }

  @Test("D-4: where the directory cannot be opened, or nobody vouches for it, every time is the first")
  func unknown() throws {
    let missing = Watched(directory: path + "/missing")
    let none = Watched(directory: nil)
    for _ in 0..<3 {
      #expect(missing.areLookedAt)
      #expect(none.areLookedAt)
    }
  }

  @Test("D-4: where the directory could not be read, a change may be under way, and no look is remembered")
  func unread() throws {
    let names = Watched(directory: path)
    try waitUntilNamesSettle(inDirectory: path)
    let passed = passing("names.before-reading=error-always:EIO") {
      for _ in 0..<3 { #expect(names.areLookedAt) }
    }
    #expect(passed == Array(repeating: "names.before-reading", count: 3))
    #expect(names.areLookedAt)
    #expect(!names.areLookedAt)
  }

  @Test("D-4: what is looked at in a directory that has taken the other's place is looked at each time")
  func movedFiles() throws {
    let names = Watched(directory: path)
    try names.waitUntilSettled()
    try #require(mkdir(path + ".new", 0o700) == 0)
    for file in ["file", "other"] { try #require(rename(path + "/" + file, path + ".new/" + file) == 0) }
    try #require(rename(path, path + ".old") == 0 && rename(path + ".new", path) == 0)
    try waitUntilNamesSettle(inDirectory: path)
    for _ in 0..<3 { #expect(names.areLookedAt) }
  }

  @Test("D-4: a look after which another file has got the descriptor's number holds for nothing")
  func foreignClose() throws {
    let names = Watched(directory: path)
    try names.waitUntilSettled()
    let descriptor = try #require(descriptors(below: path).last)
    let other = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(other) }
    #expect(dup2(other, descriptor) == descriptor)
    // It is not closed by whoever does not own it any more.
    defer { #expect(close(descriptor) == 0) }
    for _ in 0..<3 { #expect(names.areLookedAt) }
    names.forget()
    #expect(fcntl(descriptor, F_GETFD) >= 0)
  }

  @Test(
    "D-4: a stamp is past once any change gets another one; of whole seconds it never is",
    arguments: [
      (1_000_000_001, 1_000_000_001, false), (1_000_000_001, 1_019_999_999, false),
      (1_000_000_001, 1_020_000_001, true), (1_000_000_001, 999_000_000, false),
      (1_000_000_000, 1_900_000_000, false), (1_000_000_000, 9_000_000_000, false),
      (-999_999_999, 0, true), (Int64.min + 1, Int64.max, false),
    ])
  func past(stamp: Int64, now: Int64, isPast: Bool) {
    #expect(DirectoryNames.isPast(stamp, at: now) == isPast)
  }

  @Test(
    "D-4: a write behind a gate that vouches for the directory notices a swap long after the last look",
    arguments: ["", "-wal", "-shm"])
  func settledDatabase(suffix: String) throws {
    let fixture = try Fixture()
    fixture.gate.change { $0.vouches = true }
    let database = try fixture.opened(rows: 1)
    try waitUntilNamesSettle(inDirectory: fixture.directory.path)
    try database.add()
    let looks = try passing("names.looked=note") { for _ in 0..<3 { try database.add() } }
    #expect(looks.isEmpty, "the look before has settled")
    let file = fixture.path + suffix
    #expect(rename(file, file + ".away") == 0)
    let again = passing("names.looked=note") {
      #expect(failure { try database.add(durability: .durable) } == .replaced)
    }
    #expect(again == ["names.looked"])
    #expect(failure { try database.checkpoint(deadlineNanoseconds: soon) } == .replaced)
    #expect(rename(file + ".away", file) == 0)
    try waitUntilNamesSettle(inDirectory: fixture.directory.path)
    try database.add(durability: .durable)
    #expect(try database.count() == 6)
  }

  @Test("D-4: behind a gate that does not vouch for the directory each write looks at the files")
  func withoutVouching() throws {
    let fixture = try Fixture()
    let database = try fixture.opened(rows: 1)
    try waitUntilNamesSettle(inDirectory: fixture.directory.path)
    let looks = try passing("names.looked=note") { for _ in 0..<3 { try database.add() } }
    #expect(looks.count == 3)
  }
}
