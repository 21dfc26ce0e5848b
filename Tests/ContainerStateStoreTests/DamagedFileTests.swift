internal import ContainerStateStore
internal import Glibc
internal import StoreTestSupport
internal import Testing

/// Files that were damaged while nobody had them open; each is met by a process of its own, so that a crash
/// is seen.
@Suite("Damaged files")
struct DamagedFileTests {
  let fixture: StoreFixture
  private static let names = ["state.db", "state.db-wal", "state.db-shm"]
  /// Every container, in the order of adding.
  let ids = (0..<12).map { "c\($0 < 10 ? "0" : "")\($0)" }
  init() throws { fixture = try StoreFixture() }

  enum Deed: String, CaseIterable { case flipped, zeroed, truncated }

  /// What a fresh process makes of the store: what it lists, and whether it says that something is wrong.
  private func look() throws -> (listed: [String], isNamed: Bool) {
    let child = try ChildProcess(role: "store", [fixture.root])
    try child.expect("ready")
    let opening = try child.ask("open")
    guard opening == "ok" else {
      #expect(opening.hasPrefix("error "), "\(opening)")
      return ([], true)
    }
    let (list, verify) = (try child.ask("list"), try child.ask("verify"))
    #expect(list.hasPrefix("ok") || list.hasPrefix("error corrupt"), "\(list)")
    #expect(verify.hasPrefix("ok") || verify.hasPrefix("error corrupt"), "\(verify)")
    let listed = list.hasPrefix("ok") ? list.dropFirst(2).split(separator: " ").map(String.init) : []
    return (listed.sorted(), verify != "ok []" || !list.hasPrefix("ok"))
  }

  private func damage(_ path: String, at offset: Int, length: Int, _ deed: Deed, bit: Int) throws {
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw TestSupportError.systemCall("open", path) }
    defer { close(descriptor) }
    switch deed {
    case .truncated: #expect(ftruncate(descriptor, off_t(offset)) == 0)
    case .zeroed:
      let zeros = [UInt8](repeating: 0, count: length)
      #expect(pwrite(descriptor, zeros, length, off_t(offset)) == length)
    case .flipped:
      var byte: UInt8 = 0
      let place = off_t(offset + bit / 8 % length)
      #expect(pread(descriptor, &byte, 1, place) == 1)
      byte ^= 1 << UInt8(bit % 8)
      #expect(pwrite(descriptor, &byte, 1, place) == 1)
    }
  }

  private func restore(_ files: [String: [UInt8]]) throws {
    for name in Self.names {
      let path = fixture.root + "/" + name
      guard let bytes = files[name] else {
        unlink(path)
        continue
      }
      let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw TestSupportError.systemCall("open", path) }
      defer { close(descriptor) }
      #expect(bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) } == bytes.count)
    }
  }

  private func files() throws -> [String: [UInt8]] {
    let there = Self.names.filter { status(ofPath: fixture.root + "/" + $0) != nil }
    return try Dictionary(
      uniqueKeysWithValues: there.map { ($0, try readBytes(atPath: fixture.root + "/" + $0)) })
  }

  @Test(
    "18: a page flipped, zeroed or cut off: named or harmless, the rest listed, never a crash",
    arguments: Deed.allCases)
  func databasePages(deed: Deed) throws {
    let store = try fixture.open()
    for id in ids { try store.add(id) }
    try store.close()
    try fixture.shell("PRAGMA wal_checkpoint(TRUNCATE);")
    let pristine = try files()
    let pages = (pristine["state.db"]?.count ?? 0) / 4096
    var generator = SeededGenerator(seed: 18)
    for page in 0..<pages {
      let bit = Int.random(in: 0..<4096 * 8, using: &generator)
      try damage(fixture.databasePath, at: page * 4096, length: 4096, deed, bit: bit)
      let (listed, isNamed) = try look()
      #expect(Set(listed).isSubset(of: ids), "page \(page)")
      // A bit may be of no use; what is gone is said.
      #expect(isNamed || listed == ids, "page \(page) bit \(bit): \(listed)")
      if deed == .zeroed { #expect(isNamed || page > 0, "page \(page)") }
      try restore(pristine)
    }
    #expect(try look() == (ids, false))
  }

  @Test(
    "18: a WAL flipped, zeroed or cut off at every frame leaves the state after some commit",
    arguments: Deed.allCases)
  func frames(deed: Deed) throws {
    let child = try fixture.child()
    try child.succeed("open")
    for id in ids { try child.succeed("add \(id) n-\(id)") }
    // Killed: nothing is copied back.
    child.signal(SIGKILL)
    _ = try child.waitForExit()
    let pristine = try files()
    let frameSize = 4096 + 24
    let frames = ((pristine["state.db-wal"]?.count ?? 0) - 32) / frameSize
    #expect(frames > ids.count)
    var generator = SeededGenerator(seed: 19)
    for frame in 0..<frames {
      let bit = Int.random(in: 0..<frameSize * 8, using: &generator)
      try damage(
        fixture.databasePath + "-wal", at: 32 + frame * frameSize, length: frameSize, deed, bit: bit)
      let (listed, isNamed) = try look()
      #expect(isNamed || listed == Array(ids.prefix(listed.count)), "frame \(frame): \(listed)")
      try restore(pristine)
    }
    #expect(try look() == (ids, false))
  }

  @Test(
    "18, 16: an index flipped, zeroed, cut off or gone is made anew from the WAL", arguments: Deed.allCases)
  func index(deed: Deed) throws {
    let child = try fixture.child()
    try child.succeed("open")
    for id in ids { try child.succeed("add \(id) n-\(id)") }
    child.signal(SIGKILL)
    _ = try child.waitForExit()
    let pristine = try files()
    for page in 0..<8 {
      try damage(fixture.databasePath + "-shm", at: page * 4096, length: 4096, deed, bit: 7 * page)
      #expect(try look() == (ids, false), "page \(page)")
      try restore(pristine)
    }
    #expect(unlink(fixture.databasePath + "-shm") == 0)
    #expect(try look() == (ids, false))
  }

  @Test("16: a WAL of another time beside a restored database is named, or makes one state; never a crash")
  func staleWAL() throws {
    let store = try fixture.open()
    for id in ids { try store.add(id) }
    try store.close()
    try fixture.shell("PRAGMA wal_checkpoint(TRUNCATE);")
    let backup = try readBytes(atPath: fixture.databasePath)
    let child = try fixture.child()
    try child.succeed("open")
    for id in ids.prefix(6) { try child.succeed("remove \(id)") }
    try child.succeed("add late n-late")
    child.signal(SIGKILL)
    _ = try child.waitForExit()
    var files = try files()
    files["state.db"] = backup
    try restore(files)
    let (listed, isNamed) = try look()
    // All pages that changed since are in that WAL, so it makes the state it belongs to.
    #expect(isNamed || listed == (ids.dropFirst(6) + ["late"]).sorted(), "\(listed)")
  }
}
